import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

test('each attack that the threat model names has its tests', () => {
  const page = readFileSync('docs/threat-model.md', 'utf8')
  const files = readdirSync('test/conformance')
  const named = new Set(page.match(/\ba\d\d\b/g))
  assert.ok(named.size >= 15)
  for (const attack of named)
    assert.ok(
      files.some((file) => file.startsWith(`${attack}-`) && file.endsWith('.test.ts')),
      attack,
    )
})
