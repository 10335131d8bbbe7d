import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AuditLog, AuditSink, LoggedEntry } from '../../src/audit-log/audit-log.ts'
import { canonicalJson } from '../../src/audit-log/canonical-json.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { keyedDigest } from '../../src/audit-log/keyed-digest.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { type AuditOptions, audit } from '../../src/controls/audit.ts'
import type { CallOptions } from '../../src/guard/call-options.ts'
import { denied } from '../../src/guard/errors.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { SealedPart } from '../../src/guard/control.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { audited, byCall, heldLog, own, pairOf, refusalsIn, stubCodec, tokenOf } from './audited.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const by = (subject: string): CallOptions => ({ credentials: { authorization: tokenOf(subject) } })
const aborted = (): CallOptions => ({ ...by('ada'), signal: AbortSignal.abort() })
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function* stream(...parts: unknown[]): AsyncGenerator<unknown> {
  yield* parts
}

describe('the records of a call', () => {
  it('say who did what under which rule, and how it ended', async () => {
    const log = recordingLog()
    const clock = testClock()
    const chat = audited({ log }, [], { clock }).protect(
      async (input: { model: string; text: string }) => {
        clock.advance(12.5)
        return { text: input.text, usage: { inputTokens: 3, outputTokens: 4 } }
      },
      { ...operation, codec: stubCodec as never },
    )
    const before = clock.now()
    await chat({ model: 'gpt-5', text: 'hello' }, by('ada'))
    const { decision, outcome } = pairOf(log.entries)
    const subject = {
      actors: [{ subject: 'agent-1' }],
      binding: 'dpop',
      issuer: 'https://id.example',
      key: '18:https://id.exampleada',
      kind: 'user',
      roles: ['analyst'],
      subject: 'ada',
      tenant: 'acme',
      token: 'token-of-ada',
    }
    const common = {
      action: 'chat',
      allowed: true,
      guard: 'bot',
      id: decision.id,
      resource: { id: 'gpt-5', type: 'model' },
      subject,
      task: decision.id,
      version: 1,
    }
    assert.deepEqual(decision, {
      ...common,
      elapsed: 0,
      fulfilled: ['max_output_tokens'],
      kind: 'decision',
      limits: [{ limit: 60, name: 'minute', remaining: 59 }],
      masked: { EMAIL: 2, PHONE: 1 },
      model: 'gpt-5',
      obligations: ['max_output_tokens'],
      policy: { id: 'support', version: '7' },
      rules: [{ effect: 'permit', rule: 'all-but-eve' }],
      time: before,
      tools: ['search'],
    })
    assert.deepEqual(outcome, {
      ...common,
      elapsed: 12.5,
      ending: 'completed',
      first: 12.5,
      kind: 'outcome',
      parts: 1,
      ran: true,
      streamed: false,
      time: before + 12.5,
      usage: { inputTokens: 3, outputTokens: 4 },
    })
  })

  it('say which trace the request belongs to, and pass over what is none (W3C Trace Context, section 3.2)', async () => {
    const log = recordingLog()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const base = audited({ log })
    const inner = base.protect(() => 'b', operation)
    const outer = base.protect(async (_input: string, call) => inner('x', { onBehalfOf: call }), operation)
    await outer('x', { ...by('ada'), traceparent })
    await outer('x', { ...by('ada'), traceparent: `${traceparent}-` })
    const traces = log.entries.map((record) => ('trace' in record ? record.trace : undefined))
    const trace = { id: '4bf92f3577b34da6a3ce929d0e0e4736', parent: '00f067aa0ba902b7', sampled: true }
    assert.deepEqual(traces, [...Array(4).fill(trace), ...Array(4).fill(undefined)])
    await assert.rejects(outer('x', { ...by('ada'), traceparent: 1 as never }), TypeError)
  })

  it('are not made where a name of the input is too long to stand in them: the call is refused', async () => {
    const log = recordingLog()
    const chat = audited({ log }).protect(() => assert.fail('not called'), {
      ...operation,
      resource: (input: string) => ({ type: 'model', id: input }),
    })
    await assert.rejects(chat('m'.repeat(70_000), by('ada')), { code: 'payload_too_large' })
    await assert.rejects(chat('\u0001'.repeat(1_025), by('ada')), { code: 'payload_too_large' })
    assert.deepEqual(
      log.entries.filter((record) => record.kind === 'decision').map(({ allowed }) => allowed),
      [false, false],
    )
    assert.throws(() => audited({ log }).protect(() => 1, { action: 'a'.repeat(1_025), resource: operation.resource }), TypeError)
  })

  it("have the call's id, which the function sees as its entry", async () => {
    const log = recordingLog()
    let entry: unknown
    await audited({ log }).protect((_input: string, call) => void (entry = [call.entry, call.id]), operation)('hello', by('ada'))
    const { decision } = pairOf(log.entries)
    assert.deepEqual(entry, [{ id: decision.id }, decision.id])
  })

  it('name the rule that refused, which the caller never sees', async () => {
    const log = recordingLog()
    const error = await audited({ log })
      .protect(() => assert.fail('not called'), operation)('hello', by('eve'))
      .catch((thrown: unknown) => thrown)
    assert.ok(error instanceof GuardError)
    assert.equal(JSON.stringify([error, error.message, error.headers]).includes('no-eve'), false)
    const { decision, outcome } = pairOf(log.entries)
    assert.deepEqual([decision.allowed, decision.code, decision.rules], [false, 'denied', [{ effect: 'forbid', rule: 'no-eve' }]])
    assert.equal(decision.subject?.subject, 'eve')
    assert.deepEqual([outcome.allowed, outcome.ending, outcome.ran, outcome.code, outcome.rules], [false, 'refused', false, 'denied', undefined])
  })

  it('carry the private reason of a refusal', async () => {
    const log = recordingLog()
    const refusing = own({
      enter: () => {
        throw new GuardError('payload_blocked', { reason: 'a card number in the prompt' })
      },
    })
    await assert.rejects(audited({ log }, [refusing]).protect(() => 'x', operation)('hello', by('ada')))
    const { decision } = pairOf(log.entries)
    assert.deepEqual([decision.code, decision.reason, decision.rules?.[0]?.rule], ['payload_blocked', 'a card number in the prompt', 'all-but-eve'])
  })

  it('have one id through a task', async () => {
    const log = recordingLog()
    const chain = audited({ log })
    const tool = chain.protect((_input: string) => 'found', { action: 'execute_tool', resource: { type: 'tool', id: 'search' } })
    const agent = chain.protect(async (input: string, call) => await tool(input, { onBehalfOf: call }), {
      action: 'invoke_agent',
      resource: { type: 'agent', id: 'a' },
    })
    await agent('hello', by('ada'))
    const calls = [...byCall(log.entries)]
    assert.equal(calls.length, 2)
    const outer = log.entries.find((record) => record.kind === 'decision' && record.action === 'invoke_agent')
    assert.ok(outer?.kind === 'decision')
    for (const [id, { decisions, outcomes }] of calls)
      for (const record of [...decisions, ...outcomes]) {
        assert.equal(record.task, outer.id)
        assert.equal(record.parent, id === outer.id ? undefined : outer.id)
      }
  })

  it('of a call that is made for another one are there also when nobody became known', async () => {
    const log = recordingLog()
    const chain = audited({ log })
    const strict = audited({ log }, [], { name: 'strict' })
    const refusing = strict.protect(() => 'x', operation)
    const agent = chain.protect(async (_input: string, call) => {
      // Its own token, and not one that counts.
      await assert.rejects(refusing('x', { credentials: { authorization: 'Bearer nonsense' } }), { code: 'identity_invalid' })
      return await chain.protect(() => 'y', operation)('y', { onBehalfOf: call })
    }, operation)
    await agent('hello', by('ada'))
    assert.equal(byCall(log.entries).size, 2)
  })

  it('are never mixed up between callers at once', async () => {
    const log = recordingLog()
    const chat = audited({ log }).protect(async (input: string) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      return input
    }, operation)
    const names = Array.from({ length: 200 }, (_, number) => (number % 5 === 0 ? 'eve' : `caller${number}`))
    await Promise.allSettled(names.map((name) => chat(name, by(name))))
    const calls = [...byCall(log.entries).values()]
    assert.equal(calls.length, 200)
    for (const { decisions, outcomes } of calls) {
      assert.equal(decisions.length, 1)
      assert.equal(outcomes.length, 1)
      assert.deepEqual(outcomes[0]?.subject, decisions[0]?.subject)
      assert.equal(decisions[0]?.allowed, decisions[0]?.subject?.subject !== 'eve')
    }
    assert.deepEqual(calls.map(({ decisions }) => decisions[0]?.subject?.subject).sort(), [...names].sort())
  })
})

describe('one decision and one outcome', () => {
  const wait = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const endings: [name: string, ending: string, allowed: boolean, run: (options: AuditOptions) => Promise<unknown>][] = [
    ['completed', 'completed', true, (options) => audited(options).protect(() => 'x', operation)('x', by('ada'))],
    [
      'a completed stream',
      'completed',
      true,
      async (options) => {
        for await (const _ of await audited(options).protect(() => stream('a', 'b'), operation)('x', by('ada')));
      },
    ],
    ['refused by policy', 'refused', false, (options) => audited(options).protect(() => 'x', operation)('x', by('eve'))],
    [
      'refused while the input is rewritten',
      'refused',
      false,
      (options) => {
        const request = (): never => {
          throw new GuardError('payload_blocked')
        }
        return audited(options, [own({ request })]).protect(() => 'x', operation)('x', by('ada'))
      },
    ],
    [
      'refused for an input that cannot be read',
      'refused',
      false,
      (options) => audited(options).protect(() => 'x', operation)(1n as never, by('ada')),
    ],
    [
      'refused by what else must be done before the function',
      'refused',
      true,
      (options) => {
        const request = (_input: unknown, _context: unknown, _call: unknown, step: { beforeRun(task: () => Promise<void>): void }): undefined =>
          void step.beforeRun(() => Promise.reject(new GuardError('limits_unavailable')))
        return audited(options, [own({ request })]).protect(() => 'x', operation)('x', by('ada'))
      },
    ],
    [
      'refused by what an earlier control must do before the function',
      'refused',
      false,
      (options) => {
        const enter = (_call: unknown, step: { beforeRun(task: () => Promise<void>): void }): void =>
          step.beforeRun(() => Promise.reject(new GuardError('limits_unavailable')))
        return audited(options, [own({ enter })]).protect(() => 'x', operation)('x', by('ada'))
      },
    ],
    [
      'refused for the answer',
      'refused',
      true,
      (options) => {
        async function* response(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
          for await (const part of parts) if (part === 'x') throw new GuardError('payload_blocked')
          yield 'y'
        }
        return audited(options, [own({ response })]).protect(() => 'x', operation)('x', by('ada'))
      },
    ],
    [
      'cut off while it streams',
      'refused',
      true,
      async (options) => {
        let end = (): void => {}
        const request = (_input: unknown, _context: unknown, _call: unknown, step: { end(error: GuardError): void }): undefined =>
          void (end = () => step.end(new GuardError('identity_revoked')))
        const parts = await audited(options, [own({ request })]).protect(() => stream('a', 'b'), operation)('x', by('ada'))
        await parts.next()
        end()
        await parts.next()
      },
    ],
    [
      'failed',
      'failed',
      true,
      (options) =>
        audited(options).protect(() => {
          throw new Error('x')
        }, operation)('x', by('ada')),
    ],
    [
      'a stream that fails',
      'failed',
      true,
      async (options) => {
        async function* failing(): AsyncGenerator<string> {
          yield 'a'
          throw new Error('x')
        }
        for await (const _ of await audited(options).protect(failing, operation)('x', by('ada')));
      },
    ],
    [
      'given up by the caller',
      'aborted',
      true,
      async (options) => {
        const controller = new AbortController()
        const call = audited(options).protect((_input: string, { signal }) => wait(signal), operation)('x', {
          ...by('ada'),
          signal: controller.signal,
        })
        await settled()
        controller.abort()
        await call
      },
    ],
    [
      'left by the reader',
      'left',
      true,
      async (options) => {
        for await (const _ of await audited(options).protect(() => stream('a', 'b'), operation)('x', by('ada'))) break
      },
    ],
    [
      'never read',
      'left',
      true,
      async (options) => {
        const clock = testClock()
        await audited(options, [], { clock, deadline: 50 }).protect(() => stream('a', 'b'), operation)('x', by('ada'))
        clock.advance(60)
      },
    ],
    [
      'too late',
      'deadline',
      true,
      async (options) => {
        const clock = testClock()
        const call = audited(options, [], { clock, deadline: 50 }).protect((_input: string, { signal }) => wait(signal), operation)('x', by('ada'))
        await settled()
        clock.advance(60)
        await call
      },
    ],
    [
      'not settled by a neighbour',
      'refused',
      true,
      (options) => {
        const leave = (): never => {
          throw new GuardError('limits_unavailable')
        }
        return audited(options, [own({ leave })]).protect(() => 'x', operation)('x', by('ada'))
      },
    ],
  ]
  for (const content of ['none', 'digest'] as const)
    for (const [name, ending, allowed, run] of endings)
      it(`for a call that was ${name} (content: ${content})`, async () => {
        const log = recordingLog()
        await run({ log, content }).catch(() => {})
        await settled()
        const { decision, outcome } = pairOf(log.entries)
        assert.deepEqual([decision.allowed, outcome.allowed, outcome.ending], [allowed, allowed, ending])
        assert.equal(outcome.code === undefined, ending === 'completed' || name === 'failed' || name === 'a stream that fails')
      })

  it('also where a decision is made anew while the answer streams: the outcome names its rule', async () => {
    const log = recordingLog()
    let end = (): void => {}
    const request = (_input: unknown, _context: unknown, _call: unknown, step: { end(error: GuardError): void }): undefined =>
      void (end = () =>
        step.end(
          denied({
            allowed: false,
            policy: { id: 'support', version: '8' },
            reasons: [{ rule: 'office-closed', effect: 'forbid' }],
            obligations: [],
          }),
        ))
    const parts = await audited({ log }, [own({ request })]).protect(() => stream('a', 'b'), operation)('x', by('ada'))
    await parts.next()
    end()
    await assert.rejects(parts.next())
    const { outcome } = pairOf(log.entries)
    assert.deepEqual(
      [outcome.code, outcome.policy, outcome.rules, outcome.parts],
      ['denied', { id: 'support', version: '8' }, [{ effect: 'forbid', rule: 'office-closed' }], 1],
    )
  })
})

describe('what is durable when', () => {
  it('the decision, before the function runs', async () => {
    const log = heldLog()
    let ran = 0
    const call = audited({ log }).protect(() => ++ran, operation)('x', by('ada'))
    await settled()
    assert.deepEqual([log.waiting, log.entries.length, ran], [1, 1, 0])
    log.letGo()
    await settled()
    assert.equal(ran, 1)
    log.letGo()
    assert.equal(await call, 1)
  })

  it('the outcome, before a whole answer is released', async () => {
    const log = heldLog()
    let isReleased = false
    const call = audited({ log }).protect(() => 'x', operation)('x', by('ada'))
    void call.then(() => (isReleased = true))
    await settled()
    log.letGo()
    await settled()
    assert.deepEqual([log.waiting, isReleased], [1, false])
    log.letGo()
    assert.equal(await call, 'x')
  })

  it('the outcome, before a stream says that it has ended; its parts wait for nothing', async () => {
    const log = heldLog()
    const opening = audited({ log }).protect(() => stream('a', 'b'), operation)('x', by('ada'))
    await settled()
    log.letGo()
    const parts = await opening
    assert.deepEqual([(await parts.next()).value, (await parts.next()).value], ['a', 'b'])
    let isDone = false
    const last = parts.next().then((result) => (isDone = result.done === true))
    await settled()
    assert.deepEqual([log.waiting, isDone], [1, false])
    log.letGo()
    assert.equal(await last, true)
  })

  it('both records of a refusal, before the caller is told', async () => {
    const log = heldLog()
    let isTold = false
    const call = audited({ log })
      .protect(() => 'x', operation)('x', by('eve'))
      .catch(() => (isTold = true))
    await settled()
    assert.deepEqual([log.waiting, isTold], [2, false])
    log.letGo()
    await call
    assert.equal(isTold, true)
  })
})

describe('a log that takes no records', () => {
  it('refuses the call, and the function is not called', async () => {
    const log = recordingLog()
    const chat = audited({ log }).protect(() => assert.fail('not called'), operation)
    for (const error of [undefined, new Error('disk'), new GuardError('denied')]) {
      log.fail(error)
      await assert.rejects(chat('x', by('ada')), { code: 'audit_unavailable', status: 503 })
    }
    log.mend()
    assert.deepEqual(log.entries, [])
  })

  it('says, when it takes records again, that a call was refused for it', async () => {
    const log = recordingLog()
    const append = log.append
    let times = 0
    const once: AuditLog = {
      ...log,
      append: (record) => (times++ === 0 ? Promise.reject(new Error('disk')) : append(record)),
      describe: () => log.describe(),
    }
    await assert.rejects(audited({ log: once }).protect(() => assert.fail('not called'), operation)('x', by('ada')), { code: 'audit_unavailable' })
    const { decision, outcome } = pairOf(log.entries)
    assert.deepEqual(
      [decision.allowed, decision.code, decision.missing, outcome.allowed, outcome.ending],
      [false, 'audit_unavailable', 1, false, 'refused'],
    )
  })

  it('keeps back an answer whose outcome cannot be recorded', async () => {
    const log = recordingLog()
    const chat = audited({ log }).protect(() => {
      log.fail()
      return 'x'
    }, operation)
    await assert.rejects(chat('x', by('ada')), { code: 'audit_unavailable' })
    assert.equal(log.entries.length, 1)
    log.mend()
    const parts = await audited({ log }).protect(() => stream('a'), operation)('x', by('ada'))
    assert.equal((await parts.next()).value, 'a')
    log.fail()
    await assert.rejects(parts.next(), { code: 'audit_unavailable' })
    log.mend()
  })

  it('does not hide why a call was refused', async () => {
    const log = recordingLog()
    log.fail()
    await assert.rejects(audited({ log }).protect(() => 'x', operation)('x', by('eve')), { code: 'denied' })
  })

  it('lets calls go on where that is said by name, says so, and says how many records are missing', async () => {
    const log = recordingLog()
    const told: unknown[] = []
    const chat = audited({ log, onFailure: 'degrade', onError: (error) => told.push(error) }).protect((input: string) => {
      if (input === 'mend') log.mend()
      return input
    }, operation)
    log.fail()
    assert.equal(await chat('x', by('ada')), 'x')
    assert.equal(told.length, 2)
    assert.ok(told.every((error) => error instanceof GuardError && error.code === 'audit_unavailable'))
    assert.equal(await chat('mend', by('ada')), 'mend')
    const [outcome, ...none] = log.entries
    assert.deepEqual(none, [])
    assert.ok(outcome?.kind === 'outcome')
    assert.equal(outcome.missing, 3)
    await chat('x', by('ada'))
    assert.equal((log.last as { missing?: number }).missing, undefined)
  })

  it('is not made worse by whoever is told of it', async () => {
    const log = recordingLog()
    log.fail()
    const options = { log, onFailure: 'degrade', onError: () => assert.fail('of no use') } as const
    assert.equal(await audited(options).protect(() => 'x', operation)('x', by('ada')), 'x')
  })

  it('that hangs holds a call no longer than its deadline, and leaves one decision', async () => {
    const log = heldLog()
    const clock = testClock()
    const call = audited({ log }, [], { clock, deadline: 100 }).protect(() => assert.fail('not called'), operation)('x', by('ada'))
    const refused = assert.rejects(call, { code: 'deadline_exceeded' })
    await settled()
    clock.advance(100)
    await settled()
    log.letGo()
    await refused
    const { decision, outcome } = pairOf(log.entries)
    assert.deepEqual([decision.allowed, outcome.ending, outcome.ran], [true, 'deadline', false])
  })
})

describe('callers whom nobody knows', () => {
  it('are counted, and leave one record in ten seconds, however many they are', async () => {
    const log = recordingLog()
    const clock = testClock()
    const chat = audited({ log }, [], { clock }).protect(() => assert.fail('not called'), operation)
    const start = clock.now()
    for (let number = 0; number < 3_000; number++) {
      const options = number % 3 === 0 ? {} : { credentials: { authorization: `Bearer ${number}` } }
      await assert.rejects(chat('x', options))
      if (number === 1_500) clock.advance(1_000)
    }
    assert.deepEqual(log.entries, [])
    clock.advance(9_000)
    await settled()
    const [record, ...more] = refusalsIn(log.entries)
    assert.deepEqual(more, [])
    assert.deepEqual(record, {
      counts: { identity_invalid: 2_000, identity_missing: 1_000 },
      guard: 'bot',
      kind: 'refusals',
      reasons: { identity_invalid: 'no such token', identity_missing: 'no such token' },
      since: start,
      time: start + 10_000,
      until: start + 1_000,
      version: 1,
    })
    assert.equal(log.entries.length, 1)
    clock.advance(60_000)
    await settled()
    assert.equal(log.entries.length, 1, 'silence leaves none')
    assert.equal(clock.pending, 0)
  })

  it('are counted however the call ends before anybody is known', async () => {
    const log = recordingLog()
    const clock = testClock()
    const chain = audited({ log }, [], { clock })
    await assert.rejects(chain.protect(() => 'x', operation)('x', aborted()), { code: 'aborted' })
    await chain.close()
    assert.deepEqual(refusalsIn(log.entries)[0]?.counts, { aborted: 1 })
  })

  it('are in the log when the guard closes, and when the log takes records again', async () => {
    const log = recordingLog()
    const clock = testClock()
    const chain = audited({ log, onError: () => {} }, [], { clock })
    const chat = chain.protect(() => 'x', operation)
    await assert.rejects(chat('x', {}))
    log.fail()
    clock.advance(10_000)
    await settled()
    await assert.rejects(chat('x', {}))
    log.mend()
    clock.advance(10_000)
    await settled()
    assert.deepEqual(
      refusalsIn(log.entries).map(({ counts }) => counts),
      [{ identity_missing: 2 }],
    )
    await assert.rejects(chat('x', {}))
    await chain.close()
    assert.deepEqual(refusalsIn(log.entries).at(-1)?.counts, { identity_missing: 1 })
    assert.equal(clock.pending, 0)
  })
})

describe('what never stands in a record', () => {
  const secrets = ['secret-ada', 'PROMPT-4242', 'ANSWER-4242', 'sk-live-4242', 'claim@secret.example', 'ATTRIBUTE-4242']

  for (const content of ['none', 'digest'] as const)
    it(`a credential, a claim, a payload, or the message of an error that was not made for it (content: ${content})`, async () => {
      const log = recordingLog()
      const chain = audited({ log, content })
      const options = { ...by('ada'), attributes: { note: 'ATTRIBUTE-4242' } }
      await chain.protect((input: unknown) => ({ input, text: 'ANSWER-4242' }), operation)({ text: 'PROMPT-4242' }, options)
      for await (const _ of await chain.protect(() => stream('ANSWER-4242'), operation)('PROMPT-4242', options));
      class ApiError extends Error {}
      const failing = (): never => {
        throw new ApiError('Incorrect key sk-live-4242 for PROMPT-4242')
      }
      await assert.rejects(chain.protect(failing, operation)('PROMPT-4242', options), ApiError)
      const breaking = own({ enter: failing })
      await assert.rejects(audited({ log, content }, [breaking]).protect(() => 'x', operation)('PROMPT-4242', options), { code: 'misconfigured' })
      const parsing = own({
        enter: () => {
          try {
            JSON.parse('PROMPT-4242')
          } catch (cause) {
            throw new GuardError('payload_invalid', { reason: 'not JSON', cause })
          }
        },
      })
      await assert.rejects(audited({ log, content }, [parsing]).protect(() => 'x', operation)('x', options), { code: 'payload_invalid' })
      await assert.rejects(chain.protect(() => 'x', operation)('PROMPT-4242', { credentials: { authorization: 'Bearer sk-live-4242' } }))
      await chain.close()
      assert.equal(log.entries.length, 11)
      const text = JSON.stringify(log.entries)
      for (const secret of secrets) assert.equal(text.includes(secret), false, secret)
      assert.ok(text.includes('not JSON: SyntaxError'))
    })

  it('a second line', async () => {
    const log = recordingLog()
    const forged = 'chat"\n{"kind":"decision","allowed":true}\n'
    await audited({ log }).protect(() => 'x', { action: forged, resource: { type: forged, id: forged } })('x', by('ada'))
    assert.equal(log.entries.length, 2)
    assert.equal(pairOf(log.entries).decision.action, forged)
  })
})

describe('digests of contents', () => {
  const digestKey = new Uint8Array(32).fill(7)
  const digest = keyedDigest(digestKey)

  it('are of the input as the function gets it, and of the answer as it is delivered', async () => {
    const log = recordingLog()
    const rewriting = own({
      request: () => ({ text: 'rewritten', bytes: Uint8Array.of(1, 2) }),
      async *response(parts) {
        for await (const part of parts) yield `${part}!`
      },
    })
    const chat = audited({ log, content: 'digest', digestKey }, [rewriting]).protect(() => 'answer', operation)
    assert.equal(await chat({ text: 'hello' }, by('ada')), 'answer!')
    const { decision, outcome } = pairOf(log.entries)
    assert.equal(decision.input, await digest.digest('{"bytes":"AQI=","text":"rewritten"}'))
    assert.equal(outcome.output, await digest.digest('"answer!"'))
  })

  it('of a stream are of the parts that were delivered', async () => {
    for (const read of [0, 1, 2, 3]) {
      const log = recordingLog()
      const parts = await audited({ log, content: 'digest', digestKey }).protect(() => stream('a', { b: 1 }, 'c'), operation)('x', by('ada'))
      for (let part = 0; part < read; part++) await parts.next()
      if (read === 3) await parts.next()
      else await parts.return?.()
      const { outcome } = pairOf(log.entries)
      assert.equal(outcome.parts, read)
      const delivered = ['a', { b: 1 }, 'c'].slice(0, read)
      assert.equal(outcome.output, await digest.digest(delivered.map((part) => `${canonicalJson(part)}\n`).join('')))
    }
  })

  it('leave out a part that was made and not delivered', async () => {
    const log = recordingLog()
    // Stands outside of audit, and refuses a part that audit has seen already.
    const outer = own({
      async *response(parts) {
        for await (const part of parts) {
          if (part === 'b') throw new GuardError('payload_blocked')
          yield part
        }
      },
    })
    const parts = await audited({ log, content: 'digest', digestKey }, [], {}, [outer]).protect(() => stream('a', 'b', 'c'), operation)(
      'x',
      by('ada'),
    )
    await parts.next()
    await assert.rejects(parts.next())
    const { outcome } = pairOf(log.entries)
    assert.equal(outcome.parts, 1)
    assert.equal(outcome.output, await digest.digest('"a"\n'))
  })

  it('of a sealed part are of its sealed text', async () => {
    const log = recordingLog()
    const sealing = own({
      async *response(parts) {
        for await (const _ of parts) yield new SealedPart('application/jose', 'sealed')
      },
    })
    await audited({ log, content: 'digest', digestKey }, [sealing]).protect(() => ({ text: 'x' }), { ...operation, codec: stubCodec })(
      { model: 'm' },
      by('ada'),
    )
    assert.equal(pairOf(log.entries).outcome.output, await digest.digest('sealed'))
  })

  it('are under a key of the process where none is given: equal for equal contents, and not to be found by trying', async () => {
    const log = recordingLog()
    const other = recordingLog()
    const [one, two] = [audited({ log, content: 'digest' }), audited({ log: other, content: 'digest' })]
    for (const chain of [one, one, two]) await chain.protect(() => 'x', operation)('1234', by('ada'))
    const [first, , second] = log.entries.map((record) => record as { input?: string })
    assert.equal(first?.input, second?.input)
    assert.match(first?.input ?? '', /^hmac-sha256:[\w-]{43}$/)
    assert.notEqual((other.entries[0] as { input?: string }).input, first?.input)
  })

  it('are not made where none are wanted', async () => {
    const log = recordingLog()
    await audited({ log }).protect(() => 'x', operation)('x', by('ada'))
    const { decision, outcome } = pairOf(log.entries)
    assert.deepEqual([decision.input, outcome.output], [undefined, undefined])
  })

  it('refuse what cannot be digested, instead of passing it', async () => {
    const log = recordingLog()
    const chain = audited({ log, content: 'digest' })
    await assert.rejects(chain.protect(() => ({ at: new Date(0) }), operation)('x', by('ada')), { code: 'payload_unsupported' })
    const { outcome } = pairOf(log.entries)
    assert.deepEqual([outcome.ending, outcome.code, outcome.parts], ['refused', 'payload_unsupported', 0])
  })

  it('are that of nothing, where a function returns nothing', async () => {
    const log = recordingLog()
    const key = new Uint8Array(32).fill(1)
    const chain = audited({ log, content: 'digest', digestKey: key })
    assert.equal(await chain.protect(() => undefined, operation)('x', by('ada')), undefined)
    const { outcome } = pairOf(log.entries)
    assert.deepEqual([outcome.ending, outcome.output], ['completed', await keyedDigest(key).digest('')])
    await chain.protect(() => '', operation)('x', by('ada'))
    assert.notEqual((log.last as { output?: string }).output, outcome.output)
  })

  it('survive the deepest input that the engine takes', async () => {
    let deep: unknown = 'x'
    for (let level = 0; level < 64; level++) deep = [deep]
    const log = recordingLog()
    await audited({ log, content: 'digest' }).protect(() => 'x', operation)(deep, by('ada'))
    assert.ok(pairOf(log.entries).decision.input)
  })
})

describe('usage', () => {
  it('is what the vendor reports, the largest of a stream', async () => {
    const log = recordingLog()
    const parts = stream({ usage: { inputTokens: 9, outputTokens: 1 } }, { text: 'x' }, { usage: { inputTokens: 0, outputTokens: 5 } })
    for await (const _ of await audited({ log }).protect(() => parts, { ...operation, codec: stubCodec })({ model: 'm' }, by('ada')));
    assert.deepEqual(pairOf(log.entries).outcome.usage, { inputTokens: 9, outputTokens: 5 })
  })
})

describe('the log of a guard', () => {
  it('that is given is left open by the guard', async () => {
    const log = memoryLog()
    const chain = audited({ log })
    await chain.protect(() => 'x', operation)('x', by('ada'))
    await chain.close()
    await log.append(log.entries[0] as never)
  })

  it('that is a function is opened once, by the first call, and closed with the guard', async () => {
    const log = memoryLog()
    let opened = 0
    const chain = audited({
      log: async () => {
        opened++
        await settled()
        return log
      },
    })
    assert.equal(opened, 0)
    const chat = chain.protect(() => 'x', operation)
    await Promise.all([chat('x', by('ada')), chat('x', by('ada')), chat('x', {}).catch(() => {})])
    await chat('x', by('ada'))
    assert.equal(opened, 1)
    await Promise.all([chain.close(), chain.close()])
    assert.equal(log.entries.length, 7)
    await assert.rejects(log.append(log.entries[0] as never), { code: 'audit_unavailable' })
  })

  it('that cannot be opened refuses, and is tried again after a second', async () => {
    const clock = testClock()
    const log = memoryLog()
    let tried = 0
    const open = [
      () => Promise.reject(new Error('locked')),
      () => Promise.resolve({} as never),
      () => Promise.resolve(undefined as never),
      () => Promise.resolve(log),
    ]
    const chain = audited({ log: () => open[tried++]?.() ?? Promise.resolve(log) }, [], { clock })
    const chat = chain.protect(() => 'x', operation)
    for (let attempt = 1; attempt <= 3; attempt++) {
      await assert.rejects(chat('x', by('ada')), { code: 'audit_unavailable' })
      await assert.rejects(chat('x', by('ada')), { code: 'audit_unavailable' })
      assert.equal(tried, attempt)
      clock.advance(1_000)
    }
    assert.equal(await chat('x', by('ada')), 'x')
    assert.equal(tried, 4)
    await chain.close()
  })

  it('in a folder proves it all afterwards', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-audit-'))
    const directory = join(folder, 'log')
    let key = ''
    const chain = audited({
      log: async () => {
        const log = await fileLog(directory, { signer: await fileSigner(join(folder, 'log.key')), origin: 'bot' })
        key = log.key
        return log
      },
      content: 'digest',
    })
    const chat = chain.protect((input: string) => input, operation)
    await Promise.allSettled(Array.from({ length: 60 }, (_, number) => chat('x', by(number % 3 === 0 ? 'eve' : 'ada'))))
    await assert.rejects(chat('x', {}))
    await chain.close()
    const report = await verifyLog(directory, { key, expectedSize: 121 })
    assert.deepEqual(report.problems, [])
    assert.equal(report.entries, 121)
    await rm(folder, { recursive: true })
  })
})

describe('sinks', () => {
  function collecting(): AuditSink & { readonly entries: LoggedEntry[]; missed: number; mode: 'take' | 'fail' | 'hang'; tries: number } {
    const sink = {
      name: 'collecting',
      entries: [] as LoggedEntry[],
      missed: 0,
      tries: 0,
      mode: 'take' as 'take' | 'fail' | 'hang',
      async deliver(entries: readonly LoggedEntry[], missed: number) {
        sink.tries++
        if (sink.mode === 'fail') throw new Error('down')
        if (sink.mode === 'hang') await new Promise(() => {})
        sink.entries.push(...entries)
        sink.missed += missed
      },
    }
    return sink
  }

  it('get every record in order, with its place in the log', async () => {
    const log = recordingLog()
    const sinks = [collecting(), collecting()]
    const chat = audited({ log, sinks }).protect((input: string) => input, operation)
    await Promise.allSettled(Array.from({ length: 50 }, (_, number) => chat('x', by(number % 2 === 0 ? 'eve' : 'ada'))))
    await settled()
    for (const { entries } of sinks) {
      assert.deepEqual(
        entries.map(({ index }) => index),
        Array.from({ length: 100 }, (_, index) => index),
      )
      assert.deepEqual(
        entries.map(({ record }) => JSON.parse(JSON.stringify(record))),
        log.entries,
      )
    }
    const [entry] = sinks[0]?.entries ?? []
    assert.throws(() => Object.assign(entry?.record ?? {}, { allowed: true }), TypeError)
  })

  it('get what they did not take again, and hold up no call', async () => {
    const clock = testClock()
    const told: unknown[] = []
    const sink = collecting()
    const chat = audited({ log: recordingLog(), sinks: [sink], onError: (error) => told.push(error) }, [], { clock }).protect(() => 'x', operation)
    sink.mode = 'fail'
    await chat('x', by('ada'))
    await settled()
    sink.mode = 'hang'
    clock.advance(1_000)
    await chat('x', by('ada'))
    await settled()
    sink.mode = 'take'
    clock.advance(30_000)
    await settled()
    assert.equal(sink.entries.length, 0)
    clock.advance(2_000)
    await settled()
    assert.deepEqual(
      sink.entries.map(({ index }) => index),
      [0, 1, 2, 3],
    )
    assert.equal(told.length, 2)
  })

  it('that take nothing cost a bounded memory, and are told how many they have missed', async () => {
    const clock = testClock()
    const sink = collecting()
    sink.mode = 'fail'
    const log = memoryLog()
    const chat = audited({ log, sinks: [sink], onError: () => {} }, [], { clock }).protect(() => 'x', operation)
    for (let number = 0; number < 110; number++) await Promise.all(Array.from({ length: 50 }, () => chat('x', by('ada'))))
    sink.mode = 'take'
    clock.advance(60_000)
    await settled()
    await settled()
    await settled()
    await settled()
    await settled()
    assert.equal(sink.entries.length, 10_000)
    assert.equal(sink.missed, 1_000)
    await chat('x', by('ada'))
    await settled()
    assert.deepEqual(
      sink.entries.slice(-2).map(({ index }) => index),
      [11_000, 11_001],
    )
  })

  it('get what waits when the guard closes, and are not waited for without end', async () => {
    const clock = testClock()
    const good = collecting()
    const bad = collecting()
    const told: unknown[] = []
    good.mode = 'fail'
    bad.mode = 'hang'
    const chain = audited({ log: recordingLog(), sinks: [good, bad], onError: (error) => told.push(error) }, [], { clock })
    await chain.protect(() => 'x', operation)('x', by('ada'))
    await settled()
    good.mode = 'take'
    const closing = chain.close()
    await settled()
    clock.advance(5_000)
    await closing
    assert.equal(good.entries.length, 2)
    assert.ok(told.length > 0)
  })
})

describe('audit()', () => {
  it('refuses wrong options when it is made', () => {
    const log = memoryLog()
    for (const wrong of [
      undefined,
      {},
      { log: 'var/audit' },
      { log: {} },
      { log, content: 'everything' },
      { log, content: 'sealed' },
      { log, onFailure: 'ignore' },
      { log, durability: 'never' },
      { log, sinks: {} },
      { log, sinks: [{}] },
      { log, sinks: [{ name: 'x' }] },
      { log, onError: 'x' },
      { log, digestKey: new Uint8Array(31), content: 'digest' },
      { log, digestKey: 'x'.repeat(32), content: 'digest' },
      { log, digestKey: new Uint8Array(32) },
      { log, onFailur: 'degrade' },
    ])
      assert.throws(() => audit(wrong as AuditOptions), TypeError, JSON.stringify(wrong))
  })

  it('says what it does, without its secrets', () => {
    const digestKey = new Uint8Array(32).fill(77)
    const log = memoryLog()
    const sink = { name: 'elsewhere', deliver: () => {} }
    const sealAttributes = new Uint8Array(32).fill(77)
    const [first] = audited({ log, content: 'digest', digestKey, sealAttributes, sinks: [sink], onFailure: 'degrade' }).describe().controls
    assert.deepEqual(first, {
      name: 'audit',
      adds: ['entry'],
      fulfills: [],
      options: { log: log.describe(), content: 'digest', sealsAttributes: true, onFailure: 'degrade', durability: 'durable', sinks: ['elsewhere'] },
    })
    assert.equal(JSON.stringify(first).includes('77'), false)
    const [lazy] = audited({ log: async () => log }).describe().controls
    assert.deepEqual(lazy?.options.log, { kind: 'opened by the guard' })
  })

  it('does not look at its options again', async () => {
    const log = recordingLog()
    const digestKey = new Uint8Array(32).fill(7)
    const options = { log, content: 'digest', digestKey, onFailure: 'refuse' as 'refuse' | 'degrade' } as const
    const chain = audited(options)
    digestKey.fill(0)
    Object.assign(options, { log: undefined, onFailure: 'degrade' })
    await chain.protect(() => 'x', operation)('x', by('ada'))
    assert.equal(pairOf(log.entries).decision.input, await keyedDigest(new Uint8Array(32).fill(7)).digest('"x"'))
    log.fail()
    await assert.rejects(chain.protect(() => 'x', operation)('x', by('ada')), { code: 'audit_unavailable' })
  })
})

function logThat(append: AuditLog['append']): AuditLog {
  const inner = memoryLog()
  return {
    append,
    checkpoint: () => inner.checkpoint(),
    prove: (index) => inner.prove(index),
    close: () => inner.close(),
    describe: () => inner.describe(),
  }
}

describe('a log of somebody else', () => {
  it('has taken a record only where it gave a receipt', async () => {
    for (const answer of [
      undefined,
      null,
      true,
      'yes',
      {},
      { index: -1, hash: 'x' },
      { index: 0.5, hash: 'x' },
      { index: '0', hash: 'x' },
      { index: 0 },
    ]) {
      let ran = 0
      const log = logThat((async () => answer) as never)
      const chat = audited({ log, onError: () => {} }).protect(() => ++ran, operation)
      await assert.rejects(chat(null, by('ada')), { code: 'audit_unavailable' }, JSON.stringify(answer))
      assert.equal(ran, 0)
    }
  })

  it('may give its receipt at once', async () => {
    const log = logThat((() => ({ index: 0, hash: 'x' })) as never)
    assert.equal(await audited({ log }).protect(() => 'x', operation)(null, by('ada')), 'x')
  })
})

it('who is told of errors may fail later without harm', async () => {
  const log = logThat(() => Promise.reject(new Error('full')))
  const onError = (async () => {
    throw new Error('of no use')
  }) as () => void
  assert.equal(await audited({ log, onFailure: 'degrade', onError }).protect(() => 'x', operation)(null, by('ada')), 'x')
  await settled()
})
