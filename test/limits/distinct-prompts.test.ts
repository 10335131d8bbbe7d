import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctPrompts } from '../../src/limits/distinct-prompts.ts'

test('a prompt is new until it was sent, and again when its time is up', () => {
  const prompts = new DistinctPrompts()
  const mark = prompts.mark('day', 'ada', 'hello')
  assert.ok(prompts.isNew(mark, 0))
  prompts.remember(mark, 1_000)
  assert.ok(!prompts.isNew(prompts.mark('day', 'ada', 'hello'), 999))
  assert.ok(prompts.isNew(mark, 1_000))
})

test('what one caller sent is new for another one, under another limit, and with another letter', () => {
  const prompts = new DistinctPrompts()
  prompts.remember(prompts.mark('day', 'ada', 'hello'), 1_000)
  for (const [limit, key, prompt] of [
    ['day', 'grace', 'hello'],
    ['hour', 'ada', 'hello'],
    ['day', 'ada', 'hello '],
    ['day', 'adah', 'ello'],
    ['daya', 'da', 'hello'],
  ] as const)
    assert.ok(prompts.isNew(prompts.mark(limit, key, prompt), 0))
})

test('a flood of prompts is bounded; what is forgotten counts once more, and nothing new is free', () => {
  const prompts = new DistinctPrompts()
  for (let index = 0; index < 200_000; index++) {
    const mark = prompts.mark('day', 'ada', `prompt ${index}`)
    assert.ok(prompts.isNew(mark, index))
    prompts.remember(mark, index + 1e9)
  }
})
