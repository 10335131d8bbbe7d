import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OutcomeRecord } from '../../src/audit-log/record.ts'
import { audit } from '../../src/controls/audit.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { guard } from '../../src/guard/guard.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { believe, decideBy, type Identified } from './limited-guard.ts'

const per = (call: Identified): string => call.identity.key
const question = { model: 'small-1', messages: [{ role: 'user' as const, content: 'how much' }] }
const answer = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'small-1',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'four per cent' } }],
  usage: { prompt_tokens: 260, completion_tokens: 8, total_tokens: 268 },
}

describe('an outcome', () => {
  const made = () => {
    const log = recordingLog()
    const policy = { denies: false, obligations: [] }
    const chat = guard({ clock: testClock() })
      .use(audit({ log }))
      .use(rateLimit({ limits: { name: 'address', per: () => 'everybody', requests: 100, window: 60 } }))
      .use(believe())
      .use(
        rateLimit<Identified>({
          limits: [
            { name: 'minute', per, requests: 2, window: 60 },
            { name: 'day', per, tokens: 10_000, window: 86_400 },
            { name: 'at-once', per, concurrent: 5 },
          ],
        }),
      )
      .use(decideBy(policy))
      .protect(async (_input: typeof question) => answer, { action: 'chat', resource: { type: 'model', id: 'small-1' }, codec: openaiChat as never })
    const outcome = (): OutcomeRecord => {
      const last = log.entries.at(-1)
      return last?.kind === 'outcome' ? last : assert.fail('no outcome')
    }
    return { chat: () => chat(question, { credentials: { apiKey: 'ada' } }), policy, outcome }
  }
  const spent = (minute: number, day: number) => [
    { name: 'address', spent: 1, unit: 'requests' },
    { name: 'minute', spent: minute, unit: 'requests' },
    { name: 'day', spent: day, unit: 'tokens' },
  ]

  it('says what was spent of each limit in the end', async () => {
    const { chat, outcome } = made()
    await chat()
    assert.deepEqual(outcome().spent, spent(1, 268))
  })

  it('of a call that policy refused says that it cost a request', async () => {
    const { chat, policy, outcome } = made()
    policy.denies = true
    await assert.rejects(chat(), { code: 'denied' })
    assert.deepEqual(outcome().spent, spent(1, 0))
  })

  it('of a call that a limit refused says nothing of that limit', async () => {
    const { chat, outcome } = made()
    for (let call = 0; call < 2; call++) await chat()
    await assert.rejects(chat(), { code: 'limit_exceeded' })
    assert.deepEqual(outcome().spent, [{ name: 'address', spent: 0, unit: 'requests' }])
  })
})
