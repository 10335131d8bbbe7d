import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import * as mcp from '../../src/adapters/mcp/index.ts'
import * as webauthn from '../../src/adapters/webauthn/index.ts'
import * as file from '../../src/file.ts'
import * as core from '../../src/index.ts'
import { frameworks, page } from './frameworks.ts'
import { titles } from './framework-titles.ts'

// A member of the guard itself.
const members = ['protect']

/** What a test is made of: its file, and what of this folder's own it imports. */
function textOf(path: string, depth = 2): string {
  const text = readFileSync(path, 'utf8')
  if (depth === 0) return text
  const own = [...text.matchAll(/from '(\.\.?\/[^']+\.ts)'/g)]
    .map(([, target]) => join(dirname(path), target ?? ''))
    .filter((each) => each.startsWith('test'))
  return [text, ...own.map((each) => textOf(each, depth - 1))].join('\n')
}

describe('the page of control frameworks', () => {
  test('is what the table says', () => assert.equal(readFileSync('docs/frameworks.md', 'utf8'), page()))

  test('has every framework that it promises, and each with the identifiers and titles that it has itself', () => {
    const given = frameworks().map(({ name, controls }) => [name, controls.map(({ id, title }) => `${id}: ${title}`)])
    assert.deepEqual(given, Object.entries(titles))
  })

  for (const { name, controls } of frameworks())
    test(`${name}: names what there is, and for each control that it claims tests in which that stands`, () => {
      for (const { id, role, by = [], tests = [] } of controls) {
        for (const each of by) assert.ok(members.includes(each) || each in core || each in file || each in mcp || each in webauthn, `${id}: ${each}`)
        for (const each of tests) assert.ok(existsSync(each), `${id}: ${each}`)
        assert.equal(role === 'out of reach', by.length === 0 && tests.length === 0, id)
        assert.equal(by.length > 0, tests.length > 0, id)
        const shown = tests.map((each) => textOf(each)).join('\n')
        for (const each of by) assert.ok(new RegExp(`\\b${each}\\b`).test(shown), `${id}: no test that is named has to do with ${each}`)
      }
      assert.equal(new Set(controls.map(({ id }) => id)).size, controls.length)
    })
})
