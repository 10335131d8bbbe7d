import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toolArguments } from '../../src/payload/tool-arguments.ts'
import { Walk } from '../../src/payload/walk.ts'

const lenient = toolArguments(false)

const read = (json: string): string[] => Walk.find(lenient, json).texts.map(({ value }) => value)
const write = (json: string, values: readonly string[]): unknown => Walk.replace(lenient, json, values)

test('every string, every name that is not plain and every long number is a text', () => {
  const json = '{"to": "a@b.example","list":["x\\u0041\\n",{"c d":-12345678,"year":2026}],"card":4111111111111111,"ok":true,"e":1e9,"empty":""}'
  assert.deepEqual(read(json), ['a@b.example', 'xA\n', 'c d', '-12345678', '4111111111111111', ''])
})

test('names of letters are plain, anything that could be personal is not', () => {
  for (const name of ['to', 'user_name', 'addressLine2', 'x-y', '$ref']) assert.deepEqual(read(JSON.stringify({ [name]: 1 })), [])
  for (const name of ['a@b.example', 'first last', '4111111111111111', 'k4111111', 'x'.repeat(60), 'ż', ''])
    assert.deepEqual(read(JSON.stringify({ [name]: 1 })), [name])
})

test('replacing touches the tokens alone and keeps every space', () => {
  assert.equal(write('{ "a" :"x",\n\t"b": [ "y" , 12345678 ] }', ['"q\\"', 'y', '[PHONE]']), '{ "a" :"\\"q\\\\\\"",\n\t"b": [ "y" , "[PHONE]" ] }')
})

test('replacing with the same texts gives the same string; with others JSON of the same build', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.infiniteStream(fc.string({ unit: 'grapheme' })), fc.boolean(), (value, random, spaced) => {
      const json = JSON.stringify(value, undefined, spaced ? 2 : undefined)
      if (json.includes('"__proto__"')) return
      const texts = read(json)
      assert.equal(write(json, texts), json)
      // Numbered, so that no two names become one.
      const values = texts.map((_, index) => `${random.next().value} ${index}`)
      const written = String(write(json, values))
      assert.deepEqual(read(written), values)
      assert.equal(build(JSON.parse(written)), build(value))
    }),
  )
})

// What is there, without what it says.
function build(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(build).join()}]`
  if (typeof value === 'object' && value !== null) return `{${Object.values(value).map(build).sort().join()}}`
  return typeof value === 'number' || typeof value === 'string' ? '.' : String(value)
}

test('an empty string is no arguments', () => {
  assert.deepEqual(read(''), [])
  assert.equal(Walk.check(toolArguments(true), ''), '')
})

test('broken arguments are refused when they are checked, or when their texts are read', () => {
  for (const broken of ['{', '{"a":', 'prose', '{"a":1}{"b":2}', '{"a":1,"a":2}', '{"__proto__":1}', '"\\ud800"']) {
    assert.equal(Walk.check(lenient, broken), broken)
    assert.throws(() => read(broken), { code: 'payload_invalid' })
    assert.throws(() => write(broken, []), { code: 'payload_invalid' })
    assert.throws(() => Walk.check(toolArguments(true), broken), { code: 'payload_invalid' })
  }
})

test('two names that become one are refused', () => {
  assert.throws(() => write('{"a b":1,"c d":2}', ['[NAME]', '[NAME]']), { code: 'payload_invalid' })
  assert.throws(() => write('{"a b":1}', ['__proto__']), { code: 'payload_invalid' })
})

test('each text has a channel of its own and is whole in itself', () => {
  const { texts } = Walk.find(lenient, '{"a":"x","b":"x","c d":"x"}')
  assert.ok(texts.every(({ whole }) => whole === true))
  assert.equal(new Set(texts.map(({ channel }) => channel)).size, 4)
})

test('a number is shown as it is read, and kept as it was written', () => {
  for (const literal of ['4111111111111111', '4.111111111111111e15', '41111111111111110e-1', '4111111111111111.0', '0.4111111111111111E+16']) {
    const json = `{ "card": ${literal} }`
    assert.deepEqual(read(json), ['4111111111111111'])
    assert.equal(write(json, ['4111111111111111']), json)
    assert.equal(write(json, ['[CARD]']), '{ "card": "[CARD]" }')
  }
})

test('a whole number that is too long to be read exactly is shown digit for digit', () => {
  for (const literal of ['6304000000000000000', '6011000990139424001', '-9007199254740993']) assert.deepEqual(read(`[${literal}]`), [literal])
})

test('A17: a megabyte of hostile arguments ends at once', () => {
  const n = 1_000_000
  for (const json of [
    `"${'\\"'.repeat(n / 2)}"`,
    '1'.repeat(300),
    `[${'1234567,'.repeat(n / 8)}1]`,
    `[${'"",'.repeat(n / 4)}1]`,
    `{"a b"${' '.repeat(n)}:1}`,
    '-'.repeat(n),
    `["a"${' '.repeat(n)}]`,
  ]) {
    let texts: string[] = []
    try {
      texts = read(json)
    } catch {
      continue
    }
    write(
      json,
      texts.map((text) => `${text}x`),
    )
  }
})
