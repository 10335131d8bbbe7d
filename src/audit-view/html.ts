/** HTML that was written here. Whatever else is put into it is escaped. */
export interface Html {
  readonly html: string
}

type Part = Html | string | number | undefined | readonly (Html | string | number | undefined)[]

/** Builds HTML. Texts and numbers in it are escaped, for elements and for attributes in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? ''
  for (const [index, part] of parts.entries()) text += partOf(part) + (strings[index + 1] ?? '')
  return { html: text }
}

function partOf(part: Part): string {
  if (part === undefined) return ''
  if (typeof part === 'string') return escaped(part)
  if (typeof part === 'number') return String(part)
  if (isList(part)) return part.map(partOf).join('')
  return part.html
}

function isList(part: Part): part is readonly (Html | string | number | undefined)[] {
  return Array.isArray(part)
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

// Control characters and those that turn the direction of writing are shown, as on a terminal: what is in a log was written by strangers.
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
