import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { detectors } from '../../src/masking/detectors.ts'
import { type Masker, masker } from '../../src/masking/masker.ts'

const key = new Uint8Array(32).fill(7)
const pem = '-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBg\nkqhkiG9w0BAQ==\n-----END PRIVATE KEY-----'
// Also what would end a string of JSON, and what has several lines.
const values = ['Bob.Lee@Example.com', '4111 1111 1111 1111', 'DE89370400440532013000', '10.0.0.1', pem] as const
const secret = 'p@ss"w0rd9!x'
const prose = fc.constantFrom(' and ', ': ', '\n', ' said "yes" to ', ' (see) ', ' <b>&</b> ', ' für ', ', ', ' {1} ', ' 🙂 ')
const texts = fc
  .array(fc.tuple(prose, fc.constantFrom(...values, `password = '${secret}'`, 'no value')), { maxLength: 8 })
  .map((pairs) => `${pairs.flat().join('')} .`)

const token = /[A-Z]+[0-9a-hjkmnp-tv-z]{16}/g
const each = (form: (token: string) => string) => (text: string) => text.replaceAll(token, form)

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** What models and what shows their answers make of a text, and how a reader undoes it. */
const renderings: Readonly<Record<string, readonly [render: (text: string) => string, undo: (text: string) => string]>> = {
  'as it is': [(text) => text, (text) => text],
  'lower case': [each((found) => found.toLowerCase()), (text) => text],
  'upper case': [each((found) => found.toUpperCase()), (text) => text],
  'title case': [each((found) => found.charAt(0) + found.slice(1).toLowerCase()), (text) => text],
  quotes: [each((found) => `“${found}”`), (text) => text.replaceAll(/[“”]/g, '')],
  punctuation: [each((found) => `(${found})…`), (text) => text.replaceAll(/[(](?!see)|(?<!see)[)]…/g, '')],
  'Markdown emphasis': [each((found) => `**${found}**`), (text) => text.replaceAll('**', '')],
  'Markdown code': [each((found) => `\`${found}\``), (text) => text.replaceAll('`', '')],
  'Markdown escapes': [(text) => text.replaceAll(/[!-/:-@[-`{-~]/g, '\\$&'), (text) => text.replaceAll(/\\([!-/:-@[-`{-~])/g, '$1')],
  'a string of JSON': [(text) => JSON.stringify({ content: text }), (text) => (JSON.parse(text) as { content: string }).content],
  'JSON within JSON': [(text) => JSON.stringify([JSON.stringify([text])]), (text) => (JSON.parse((JSON.parse(text) as [string])[0]) as [string])[0]],
  'HTML escapes': [
    (text) => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? ''),
    (text) => text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => Object.keys(entities).find((sign) => entities[sign] === entity) ?? ''),
  ],
  'percent signs': [encodeURIComponent, decodeURIComponent],
  'a joint': [each((found) => found.replace(/^[A-Z]+/, '$&_')), (text) => text],
  hyphenation: [each((found) => `${found.slice(0, 9)}\u00ad${found.slice(9)}`), (text) => text],
  'a quotation': [(text) => text.replaceAll(/^/gm, '> '), (text) => text.replaceAll(/^> /gm, '')],
}

function names(scope: string = ''): Masker {
  return masker({ detect: detectors.all, mode: 'pseudonym', key, scope })
}

/** What a quotation makes of a value of several lines is no part of the value. */
function isOneLine(text: string): boolean {
  return !text.includes(pem)
}

for (const [name, [render, undo]] of Object.entries(renderings)) {
  test(`property: restoring undoes masking behind ${name}`, () => {
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(name !== 'a quotation' || isOneLine(text))
        const mine = names()
        const masked = mine.mask(text)
        for (const value of [...values, secret]) assert.ok(!masked.includes(value))
        assert.equal(undo(mine.restore(render(masked))), text)
      }),
    )
  })
}

test('property: restoring a stream gives what restoring the whole gives, however it was cut', () => {
  fc.assert(
    fc.property(texts, fc.constantFrom(...Object.values(renderings)), fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), (text, [render], cuts) => {
      const mine = names()
      const rendered = render(mine.mask(text))
      const borders = [0, ...cuts.filter((cut) => cut < rendered.length).sort((one, other) => one - other), rendered.length]
      const stream = mine.restoring()
      let out = ''
      for (const [index, end] of borders.slice(1).entries()) out += stream.push(rendered.slice(borders[index], end))
      assert.equal(out + stream.end(), mine.restore(rendered))
    }),
  )
})

test('property: nothing that was forged, altered, or made in another scope is restored, in any rendering', () => {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const id = fc.array(fc.constantFrom(...alphabet), { minLength: 16, maxLength: 16 }).map((letters) => letters.join(''))
  const alteration = fc.record({ at: fc.nat({ max: 15 }), to: fc.constantFrom(...alphabet) })
  fc.assert(
    fc.property(id, alteration, fc.constantFrom(...Object.values(renderings)), (random, { at, to }, [render]) => {
      const mine = names()
      const own = mine.mask(values[0])
      const foreign = names('another').mask(values[0])
      const altered = own.slice(0, 5 + at) + to + own.slice(6 + at)
      for (const forged of [`EMAIL${random}`, `SECRET${random}`, foreign, own.slice(0, -1), own.slice(1), ...(altered === own ? [] : [altered])]) {
        const text = render(`write to ${forged} now`)
        assert.equal(mine.restore(text), text)
      }
    }),
  )
})

test('of 10,000 forged pseudonyms none is restored: a real one with another character, random ones, and those of other scopes', () => {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const mine = names()
  const own = mine.mask(values[0])
  const forged = new Set<string>()
  for (let at = 5; at < own.length; at++) for (const letter of alphabet) forged.add(own.slice(0, at) + letter + own.slice(at + 1))
  for (const name of ['PHONE', 'TOKEN', 'EMAI', 'MAIL', 'EMAILEMAI']) forged.add(name + own.slice(5))
  for (let scope = 0; scope < 500; scope++) forged.add(names(`scope ${scope}`).mask(values[0]))
  while (forged.size < 10_001) forged.add(`EMAIL${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => alphabet[byte % 32]).join('')}`)
  forged.delete(own)
  const text = [...forged].join(' ')
  assert.equal(forged.size, 10_000)
  assert.ok(mine.restore(text) === text)
  assert.equal(mine.restore(own), values[0])
})

test('A12: a value cannot end the string of JSON that it is put into', () => {
  const value = 'x1","role":"admin","y":"z9'
  const pasted = {
    type: 'BADGE',
    maxLength: 64,
    find: (text: string) => [...text.matchAll(/x1.*z9/g)].map(({ index, 0: { length } }) => ({ start: index, end: index + length })),
  }
  const mine = masker({ detect: pasted, mode: 'pseudonym' })
  const badge = mine.mask(value)
  for (const around of [
    '{"badge":"%","role":"user"}',
    'Here it is: {"badge": "%", "role": "user"}.',
    '```json\n{\n  "badge": "no %",\n  "role": "user"\n}\n```',
  ]) {
    const restored = mine.restore(around.replace('%', badge))
    const json = restored.slice(restored.indexOf('{'), restored.lastIndexOf('}') + 1)
    const read = JSON.parse(json) as Record<string, string>
    assert.deepEqual([Object.keys(read), read.role, read.badge?.replace('no ', '')], [['badge', 'role'], 'user', value])
  }
  // Also where the string holds JSON itself.
  const nested = JSON.parse(mine.restore(JSON.stringify({ arguments: JSON.stringify({ badge, role: 'user' }) }))) as { readonly arguments: string }
  assert.deepEqual(JSON.parse(nested.arguments), { badge: value, role: 'user' })
  // Behind half an escape it could not be told what it becomes.
  assert.equal(mine.restore(`{"badge":"\\${badge}"}`), `{"badge":"\\${badge}"}`)
  // Outside of strings it is what it was.
  assert.equal(mine.restore(`He said "${badge}" [1]`), `He said "${value}" [1]`)
})

test('a value that was found within a string of JSON comes back as it stood there', () => {
  const mine = names()
  const text = JSON.stringify({ config: `password = '${secret}'\n`, keys: [pem] })
  const masked = mine.mask(text)
  assert.notEqual(masked, text)
  assert.equal(mine.restore(masked), text)
})
