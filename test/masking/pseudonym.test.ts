import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PseudonymVault } from '../../src/masking/pseudonym.ts'

test('a name always leads to the same scope, and scopes do not know of each other', () => {
  const vault = new PseudonymVault(undefined)
  const pseudonym = vault.scope('a').mint('EMAIL', 'bob@example.com', 'input')
  assert.equal(vault.scope('a').restore(pseudonym), 'bob@example.com')
  assert.equal(vault.scope('b').restore(pseudonym), undefined)
  assert.notEqual(vault.scope('b').mint('EMAIL', 'bob@example.com', 'input'), pseudonym)
})

test('a flood of callers makes the least used scopes be forgotten, and a running call keeps its own', () => {
  const vault = new PseudonymVault(undefined)
  const running = vault.scope('running')
  const pseudonym = running.mint('EMAIL', 'bob@example.com', 'input')
  const used = vault.scope('used').mint('EMAIL', 'bob@example.com', 'input')
  for (let index = 0; index < 10_000; index++) {
    vault.scope(`stranger ${index}`)
    vault.scope('used')
  }
  assert.equal(vault.scope('used').restore(used), 'bob@example.com')
  assert.notEqual(vault.scope('running'), running)
  assert.equal(vault.scope('running').restore(pseudonym), undefined)
  assert.equal(running.restore(pseudonym), 'bob@example.com')
})

test('a few callers with much to remember are bounded as well', () => {
  const vault = new PseudonymVault(undefined)
  const first = vault.scope('0').mint('PRIVATE_KEY', 'x', 'input')
  for (let scope = 1; scope <= 40; scope++)
    for (let index = 0; index < 130; index++) vault.scope(String(scope)).mint('PRIVATE_KEY', `${index}${'k'.repeat(8000)}`, 'input')
  assert.equal(vault.scope('0').restore(first), undefined)
  assert.equal(vault.scope('40').characters <= 1024 * 1024, true)
})

test('what came from an answer is never restored, and is another pseudonym than that of the same value in an input', () => {
  const scope = new PseudonymVault(undefined).scope('a')
  const said = scope.mint('EMAIL', 'bob@example.com', 'answer')
  const given = scope.mint('EMAIL', 'bob@example.com', 'input')
  assert.notEqual(said, given)
  assert.equal(scope.restore(said), undefined)
  assert.equal(scope.restore(given.toLowerCase()), 'bob@example.com')
  assert.equal(scope.knows(said), true)
  assert.equal(scope.knows(given, scope.serial - 1), false)
})
