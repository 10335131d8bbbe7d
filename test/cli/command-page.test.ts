import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandPage, pageFile } from './command-page.ts'

test('docs/command-line.md is what the table of commands says: npm run docs:commands writes it', () => {
  assert.equal(readFileSync(pageFile, 'utf8'), commandPage())
})
