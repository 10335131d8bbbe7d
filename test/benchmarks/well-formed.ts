import assert from 'node:assert/strict'

/** Fails unless a text is one well-formed element of XML (of the part of XML that plots use), and gives the names of its elements. */
export function assertWellFormed(xml: string): readonly string[] {
  const open: string[] = []
  const names: string[] = []
  let at = 0
  for (const tag of xml.matchAll(/<([^<>]*)>/g)) {
    const between = xml.slice(at, tag.index)
    assert.doesNotMatch(between, /[<>]|&(?!(?:amp|lt|gt|quot);)/, `text that is not escaped: ${between}`)
    if (open.length === 0) assert.equal(between.trim(), '', 'text outside of the element')
    at = tag.index + tag[0].length
    const inside = tag[1] ?? ''
    if (inside.startsWith('/')) {
      assert.equal(open.pop(), inside.slice(1), 'another element ends than began last')
      continue
    }
    const [, name, attributes = '', end] = /^([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)$/.exec(inside) ?? []
    assert.ok(name !== undefined, `not an element: <${inside}>`)
    assert.doesNotMatch(attributes, /&(?!(?:amp|lt|gt|quot);)/)
    const keys = [...attributes.matchAll(/ ([a-zA-Z0-9-]+)=/g)].map(([, key]) => key)
    assert.equal(new Set(keys).size, keys.length, `an attribute stands twice: <${inside}>`)
    assert.ok(names.length === 0 || open.length > 0, 'a second element after the first one')
    names.push(name)
    if (end === '') open.push(name)
  }
  assert.equal(xml.slice(at).trim(), '')
  assert.deepEqual(open, [])
  return names
}
