// The little of SVG that charts need. Colours follow the reader's scheme, on a ground of their own, so that a chart can be read on
// any page.

type Value = string | number

/** An element. Text is escaped, other elements stand as they are. */
export function element(name: string, attributes: Readonly<Record<string, Value | undefined>>, ...children: readonly string[]): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  const head = given.map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? String(Number(value.toFixed(2))) : String(value))}"`)
  return children.length === 0 ? `<${name}${head.join('')}/>` : `<${name}${head.join('')}>${children.join('')}</${name}>`
}

/** Text at a place. */
export function text(x: number, y: number, said: string, attributes: Readonly<Record<string, Value | undefined>> = {}): string {
  return element('text', { x, y, ...attributes }, escaped(said))
}

export function escaped(said: string): string {
  return said.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** About how wide a text is, in pixels. */
export function widthOf(said: string, size = 12): number {
  return said.length * size * 0.56
}

const light = ['#0b5fd0', '#b4530a', '#1a7f37', '#8250df', '#bf3989', '#57606a', '#8a6100', '#0a7280']
const dark = ['#6cb0ff', '#f0965a', '#5fd07a', '#c3a0ff', '#ff8fd0', '#a5b0bb', '#e3b341', '#4fd1dc']
const series = (colours: readonly string[]): string =>
  colours.map((colour, index) => `.s${index}{stroke:${colour}}.f${index}{fill:${colour}}`).join('')

const style = `
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#24292f}
.title{font-weight:600;font-size:15px}.faint,.tick{fill:#57606a}.ground{fill:#ffffff}.grid{stroke:#d8dee4}.axis{stroke:#6e7781}
.bad{fill:#c1121f;font-weight:600}.asked{stroke:#c1121f;stroke-dasharray:5 4}.askedText{fill:#c1121f}.line{fill:none;stroke-width:2}
.ours{font-weight:600}.peer{fill:#8c959f}.spread{stroke:#24292f}${series(light)}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.faint,.tick{fill:#9aa4af}.ground{fill:#0d1117}.grid{stroke:#2a313a}.axis{stroke:#7d8590}
.bad,.askedText{fill:#ff7b72}.asked{stroke:#ff7b72}.peer{fill:#6e7781}.spread{stroke:#e6edf3}${series(dark)}
}`

/** How many colours there are for lines. */
export const colours: number = light.length

/** A whole drawing. */
export function drawing(width: number, height: number, title: string, subtitle: string, ...parts: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${Math.round(height)}`,
    width,
    height: Math.round(height),
    role: 'img',
  }
  const head = [element('title', {}, escaped(title)), element('desc', {}, escaped(subtitle)), element('style', {}, escapedStyle(style))]
  const ground = element('rect', { class: 'ground', x: 0, y: 0, width, height: Math.round(height), rx: 6 })
  return `${element('svg', attributes, ...head, ground, text(16, 26, title, { class: 'title' }), text(16, 44, subtitle, { class: 'faint' }), ...parts)}\n`
}

function escapedStyle(css: string): string {
  return css.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
