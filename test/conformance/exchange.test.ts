import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readings } from './exchange/read.ts'
import { write } from './exchange/write.ts'
import type { Written } from './exchange/written.ts'
import written from './exchange/written.json' with { type: 'json' }

// What each runtime writes is read by each other one as well, where they all run: test/runtimes.
describe('the same policy, tokens, sealed bytes and log', () => {
  for (const [name, read] of readings) {
    test(`what was written once: ${name}`, () => read(written as Written))
    test(`what is written here: ${name}`, async () => read(JSON.parse(JSON.stringify(await once())) as Written))
  }

  test('a reading that is given something else fails', async () => {
    const { decisions, tokens, log } = written as Written
    const wrong: Written = {
      ...(written as Written),
      decisions: decisions.slice(1),
      masked: [],
      tokens: tokens.slice(1),
      log: { ...log, note: log.older.note },
    }
    for (const [name, read] of readings) if (!/sealed|signed/.test(name)) await assert.rejects(read(wrong), name)
  })
})

let made: Promise<Written> | undefined
const once = (): Promise<Written> => (made ??= write())
