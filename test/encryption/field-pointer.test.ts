import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mapFields, parseFieldPointer } from '../../src/encryption/field-pointer.ts'
import type { Json } from '../../src/guard/context.ts'

const mark = async (value: Json, text: string): Promise<unknown> => {
  const pointer = parseFieldPointer(text)
  assert.ok(pointer)
  return (await mapFields(value, pointer, (field) => ({ was: field }))).value
}

describe('a field pointer', () => {
  test('points as RFC 6901 says, and with * at every element and member', async () => {
    const value = { a: [{ b: 1 }, { c: 2 }, { b: null }], 'x/y': { '~': 1 }, '': 5 }
    assert.deepEqual(await mark(value, '/a/*/b'), { ...value, a: [{ b: { was: 1 } }, { c: 2 }, { b: { was: null } }] })
    assert.deepEqual(await mark(value, '/x~1y/~0'), { ...value, 'x/y': { '~': { was: 1 } } })
    assert.deepEqual(await mark(value, '/'), { ...value, '': { was: 5 } })
    assert.deepEqual(await mark(value, '/a/1/c'), { ...value, a: [{ b: 1 }, { c: { was: 2 } }, { b: null }] })
    assert.deepEqual(await mark({ a: { b: 1, c: 2 } }, '/a/*'), { a: { b: { was: 1 }, c: { was: 2 } } })
    for (const text of ['/a/01/b', '/a/9/b', '/a/b', '/toString', '/a/length', '/z']) assert.deepEqual(await mark(value, text), value, text)
  })

  test('tells the place of each value it points to, spelled in one way', async () => {
    const pointer = parseFieldPointer('/a/*/*')
    assert.ok(pointer)
    const places: string[] = []
    await mapFields({ a: [{ b: 1, '~/': 2 }, [3, 4], { '': 5, '*': 6 }] }, pointer, (field, place) => {
      places.push(`${place}=${field}`)
      return field
    })
    assert.deepEqual(places, ['/a/0/b=1', '/a/0/~0~1=2', '/a/1/0=3', '/a/1/1=4', '/a/2/=5', '/a/2/*=6'])
  })

  test('shares what does not change', async () => {
    const value = { a: { b: 1 }, other: [1, 2, 3] }
    const pointer = parseFieldPointer('/a/b')
    assert.ok(pointer)
    const { value: mapped, places } = await mapFields(value, pointer, () => 2)
    assert.equal((mapped as typeof value).other, value.other)
    assert.equal(places, 1)
    assert.equal((await mapFields(value, pointer, (field) => field)).value, value)
  })

  test('is refused where it is none', () => {
    for (const text of ['', 'a', '/~2', '/~', 5, undefined, '/__proto__/a', '/a'.repeat(600), '/a'.repeat(33)])
      assert.equal(parseFieldPointer(text), undefined, String(text))
  })
})
