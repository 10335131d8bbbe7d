import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apiKey, type ApiKeyEntry, type ChatRequest, memoryLimits, newApiKey } from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest, chunksOf, completion, saidByWhole, saidIn } from './chat-payloads.ts'
import { assertRejects } from './refusals.ts'
import { chat, wholeGuard } from './whole-guard.ts'

const callers = 40
const callsEach = 30

// Small pauses that fall differently for each call, the same in every run.
function pause(seed: number): Promise<void> {
  const turns = (seed * 7_919) % 5
  return turns === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, turns))
}

describe('A5: more than a thousand interleaved calls of different callers', () => {
  test('never see the identity, the quota, the pseudonyms or the records of another', async () => {
    const keys: string[] = []
    const entries: ApiKeyEntry[] = []
    for (let number = 0; number < callers; number++) {
      const { key, hash } = await newApiKey({ prefix: 'sp' })
      keys.push(key)
      entries.push({ id: `key-${number}`, hash, identity: { subject: `caller-${number}`, roles: ['analyst'] } })
    }
    const log = recordingLog()
    const limit = callsEach - 5
    const base = wholeGuard({
      log,
      identity: { verifiers: [apiKey({ keys: entries, prefix: 'sp' })] },
      limits: { limits: [{ name: 'each', per: (call) => call.identity.key, requests: limit, window: 86_400 }], store: memoryLimits() },
      masking: { mode: 'pseudonym', restore: true },
    })
    const seen = new Map<string, string>()
    const problems: string[] = []
    const say = base.protect(async (input: ChatRequest, call) => {
      const text = String(input.messages[0]?.content)
      const subject = call.identity.subject
      await pause(text.length + call.quota.limits.length)
      // The model sees a pseudonym; the same one may never stand for two callers.
      const pseudonym = /EMAIL[0-9a-z]{16}/.exec(text)?.[0] ?? 'none'
      const owner = seen.get(pseudonym)
      if (owner !== undefined && owner !== subject) problems.push(`${pseudonym} of ${owner} and ${subject}`)
      seen.set(pseudonym, subject)
      if (!text.startsWith(`I am ${subject}:`)) problems.push(`${subject} got '${text}'`)
      // And it says a pseudonym of each of the others as well.
      const foreign = [...seen].filter(([, other]) => other !== subject).slice(-3)
      const answer = `to ${subject} at ${pseudonym}, not ${foreign.map(([other]) => other).join(' ')}`
      return input.stream === true ? asStream(answer) : completion(answer)
    }, chat)

    const spent = new Map<number, number>()
    const one = async (caller: number, round: number): Promise<void> => {
      await pause(caller * 31 + round * 17)
      const email = `person${caller}@example.org`
      const credentials = { authorization: `Bearer ${keys[caller]}` }
      const request = chatRequest(`I am caller-${caller}: ${email}`, round % 2 === 0 ? {} : { stream: true })
      let said: string
      try {
        const answer: unknown = await say(request, { credentials })
        const parts: unknown[] = []
        if (round % 2 === 0) said = saidByWhole(answer)['0/content'] ?? ''
        else {
          for await (const part of answer as AsyncIterable<unknown>) parts.push(part)
          said = saidIn(parts)['0/content'] ?? ''
        }
      } catch (error) {
        await assertRejects(Promise.reject(error), 'limit_exceeded', [`caller-${caller}`])
        return
      }
      spent.set(caller, (spent.get(caller) ?? 0) + 1)
      const foreign = [...said.matchAll(/person(\d+)@/g)].filter(([, number]) => number !== String(caller))
      if (!said.startsWith(`to caller-${caller} at ${email}, not `) || foreign.length > 0) problems.push(`caller-${caller} was told '${said}'`)
    }
    await Promise.all(Array.from({ length: callers * callsEach }, (_, index) => one(index % callers, Math.floor(index / callers))))
    assert.deepEqual(problems, [])
    assert.equal(seen.size, callers)
    assert.deepEqual(
      [...spent.values()],
      Array.from({ length: callers }, () => limit),
    )

    const subjects = new Map<string, Set<string>>()
    for (const record of log.entries) {
      if (record.kind !== 'decision' && record.kind !== 'outcome') continue
      const names = subjects.get(record.id) ?? new Set()
      subjects.set(record.id, names.add(record.subject?.subject ?? ''))
    }
    assert.equal(subjects.size, callers * callsEach)
    assert.ok([...subjects.values()].every((names) => names.size === 1))
  })
})

async function* asStream(text: string): AsyncGenerator<object> {
  for (const part of chunksOf(text.match(/.{1,13}/gs) ?? [])) {
    await pause(text.length)
    yield part
  }
}
