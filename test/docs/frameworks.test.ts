import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import * as mcp from '../../src/adapters/mcp/index.ts'
import * as webauthn from '../../src/adapters/webauthn/index.ts'
import * as file from '../../src/audit-log/file.ts'
import * as core from '../../src/index.ts'
import { frameworks, page } from './frameworks.ts'

// A member of the guard itself.
const members = ['protect']

describe('the page of control frameworks', () => {
  test('is what the table says', () => assert.equal(readFileSync('docs/frameworks.md', 'utf8'), page()))

  for (const { name, controls } of frameworks())
    test(`${name}: names what there is, and a test for each control that it claims`, () => {
      for (const { id, role, by = [], tests = [] } of controls) {
        for (const each of by) assert.ok(members.includes(each) || each in core || each in file || each in mcp || each in webauthn, `${id}: ${each}`)
        for (const each of tests) assert.ok(existsSync(each), `${id}: ${each}`)
        assert.equal(role === 'out of reach', by.length === 0 && tests.length === 0, id)
        assert.equal(by.length > 0, tests.length > 0, id)
      }
      assert.equal(new Set(controls.map(({ id }) => id)).size, controls.length)
    })
})
