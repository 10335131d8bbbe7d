import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Decision, GuardError, type PolicyEvaluator, policySet } from '../../src/index.ts'
import { recordingLog, testClock } from '../../src/testing/index.ts'
import { chatRequest, chunk } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const rules = [
  { id: 'everybody', effect: 'permit' },
  { id: 'analysts', effect: 'permit', subject: { roles: ['analyst'] }, action: ['chat'] },
  { id: 'ada', effect: 'permit', subject: { id: ['ada'] }, resource: { type: 'model', id: ['gpt-5'] } },
  { id: 'quarantine', effect: 'forbid', resource: { type: 'model', id: ['gpt-*'] } },
]

function* orders<T>(items: readonly T[]): Generator<T[]> {
  if (items.length < 2) yield [...items]
  for (const [index, item] of items.entries()) for (const rest of items.length < 2 ? [] : orders(items.toSpliced(index, 1))) yield [item, ...rest]
}

const secret = 'postgres://admin:hunter2@10.1.1.1'
const fine: Decision = { allowed: true, policy: { id: 'own', version: '1' }, reasons: [{ rule: 'r', effect: 'permit' }], obligations: [] }
const own = (evaluate: PolicyEvaluator['evaluate']): PolicyEvaluator => ({ evaluate })

describe('A10: a forbid wins, and an evaluator that misbehaves permits nothing', () => {
  // A guard's own timers do not keep a process alive.
  let alive: NodeJS.Timeout
  before(() => void (alive = setInterval(() => {}, 1_000)))
  after(() => clearInterval(alive))

  test('in every order of the rules', async () => {
    const credentials = await analyst()
    let tried = 0
    for (const order of orders(rules)) {
      const server = served(wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', version: '1', rules: order }) } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied', ['quarantine', 'everybody'])
      assert.equal(server.ran.length, 0)
      tried++
    }
    assert.equal(tried, 24)
    for (const order of orders(rules.slice(0, 3))) {
      const server = served(wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', version: '1', rules: order }) } }))
      assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
    }
  })

  test('also a forbid that cannot be decided, and a duty that cannot', async () => {
    const credentials = await analyst()
    for (const rule of [
      { id: 'f', effect: 'forbid', when: { 'context.risk': { gt: 0.5 } } },
      { id: 'f', effect: 'forbid', when: { not: { 'context.risk': { lt: 0.5 } } } },
      { id: 'f', effect: 'forbid', when: { any: [{ 'context.risk': { gt: 0.5 } }, { 'context.other': { eq: 1 } }] } },
      { id: 'p', effect: 'permit', when: { 'context.risk': { gt: 0.5 } }, obligations: [{ type: 'require_acr', value: ['phr'] }] },
    ]) {
      const evaluator = policySet({ id: 'conformance-policy', rules: [{ id: 'everybody', effect: 'permit' }, rule] })
      const server = served(wholeGuard({ policy: { evaluator } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied')
      assert.equal(server.ran.length, 0)
    }
  })

  test('an evaluator that throws, whatever it throws', async () => {
    const credentials = await analyst()
    const thrown = [
      new Error(secret),
      new TypeError(secret),
      secret,
      null,
      undefined,
      5,
      { allowed: true },
      new GuardError('denied', { reason: secret }),
      fine,
    ]
    for (const error of thrown)
      for (const evaluate of [
        () => {
          throw error
        },
        () => Promise.reject(error),
        async () => {
          await new Promise((resolve) => setImmediate(resolve))
          throw error
        },
      ]) {
        const log = recordingLog()
        const server = served(wholeGuard({ log, policy: { evaluator: own(evaluate) } }))
        await assertRefused(await server.ask(chatRequest('x'), credentials), 'policy_unavailable', [secret, 'hunter2'])
        assert.equal(server.ran.length, 0)
        const [decision] = log.entries
        assert.ok(decision?.kind === 'decision' && !decision.allowed && decision.code === 'policy_unavailable')
      }
  })

  test('an evaluator that answers nonsense', async () => {
    const credentials = await analyst()
    const answers: readonly unknown[] = [
      undefined,
      null,
      true,
      'permit',
      1,
      [],
      {},
      { allowed: true },
      { ...fine, allowed: 'true' },
      { ...fine, allowed: 1 },
      { ...fine, allowed: 'yes' },
      { ...fine, allowed: {} },
      { ...fine, allowed: undefined },
      { ...fine, policy: undefined },
      { ...fine, policy: { id: 'x' } },
      { ...fine, policy: 'x' },
      { ...fine, reasons: undefined },
      { ...fine, reasons: 'r' },
      { ...fine, reasons: [{ rule: 'r', effect: 'forbid' }] },
      { ...fine, reasons: [{ rule: 'r', effect: 'allow' }] },
      { ...fine, reasons: [null] },
      { ...fine, obligations: undefined },
      { ...fine, obligations: {} },
      { ...fine, obligations: [{}] },
      { ...fine, obligations: [{ type: '' }] },
      { ...fine, obligations: [null] },
      { ...fine, obligations: 'none' },
      { decision: true },
      Object.create(fine),
      Object.defineProperty({ ...fine }, 'allowed', { get: () => true, enumerable: true }),
      () => fine,
      new Proxy(
        {},
        {
          get: () => true,
        },
      ),
      new Proxy(fine, {
        getOwnPropertyDescriptor: () => {
          throw new Error(secret)
        },
      }),
      Object.assign(() => {}, fine),
      JSON.stringify(fine),
      new Response('{"allowed":true}'),
    ]
    for (const [index, answer] of answers.entries())
      for (const evaluate of [() => answer, async () => answer]) {
        const server = served(wholeGuard({ policy: { evaluator: own(evaluate as PolicyEvaluator['evaluate']) } }))
        await assertRefused(await server.ask(chatRequest('x'), credentials), 'policy_unavailable', [secret]).catch((error: unknown) =>
          assert.fail(`answer ${index}: ${String(error)}`),
        )
        assert.equal(server.ran.length, 0)
      }
  })

  test('an answer that changes after it was given', async () => {
    let allowed = false
    const shifty = new Proxy(
      { ...fine },
      {
        getOwnPropertyDescriptor: (target, name) =>
          name === 'allowed'
            ? { value: allowed || !(allowed = true), enumerable: true, configurable: true, writable: true }
            : Reflect.getOwnPropertyDescriptor(target, name),
        get: (target, name) => (name === 'allowed' ? true : (Reflect.get(target, name) as unknown)),
      },
    )
    const server = served(wholeGuard({ policy: { evaluator: own(() => shifty) } }))
    // A look that said no is a no, or an answer that nobody can trust; never a yes.
    const response = await server.ask(chatRequest('x'), await analyst())
    assert.ok(response.status === 403 || response.status === 503, String(response.status))
    assert.equal(server.ran.length, 0)
    const mutable = { ...fine, allowed: false, reasons: [] }
    const change = (): boolean => (mutable.allowed = true)
    for (const answer of [
      () => {
        queueMicrotask(change)
        return mutable
      },
      async () => {
        setImmediate(change)
        return mutable
      },
    ]) {
      mutable.allowed = false
      const late = served(wholeGuard({ policy: { evaluator: own(answer) } }))
      await assertRefused(await late.ask(chatRequest('x'), await analyst()), 'denied')
      assert.equal(late.ran.length, 0)
    }
  })

  test('an evaluator that hangs', async () => {
    const credentials = await analyst()
    const thenable = (then: unknown): unknown => Object.defineProperty({}, 'then', { value: then })
    const hanging: readonly unknown[] = [new Promise(() => {}), thenable(() => {}), thenable(() => setTimeout(() => {}, 1))]
    for (const answer of hanging) {
      const server = served(wholeGuard({ policy: { evaluator: own(() => answer as Promise<Decision>), deadline: 5 } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'policy_unavailable')
      assert.equal(server.ran.length, 0)
    }
    // Late is never: what comes after the deadline changes nothing.
    let answer = (_decision: Decision): void => {}
    const late = served(wholeGuard({ policy: { evaluator: own(() => new Promise<Decision>((resolve) => (answer = resolve))), deadline: 5 } }))
    const response = await late.ask(chatRequest('x'), credentials)
    answer(fine)
    await new Promise((resolve) => setImmediate(resolve))
    await assertRefused(response, 'policy_unavailable')
    assert.equal(late.ran.length, 0)
  })

  test('a shadow is never obeyed, and cannot harm', async () => {
    const credentials = await analyst()
    for (const shadow of [
      own(() => fine),
      own(() => {
        throw new Error(secret)
      }),
      own(() => new Promise(() => {})),
    ]) {
      const server = served(wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules: [] }), shadow } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied')
      assert.equal(server.ran.length, 0)
      const open = served(wholeGuard({ policy: { shadow } }))
      assert.equal((await open.ask(chatRequest('x'), credentials)).status, 200)
    }
  })

  test('an evaluator that begins to misbehave while an answer streams ends the stream', async () => {
    const clock = testClock(Date.now())
    for (const misbehave of [
      () => {
        throw new Error(secret)
      },
      () => new Promise<Decision>(() => {}),
      () => ({ allowed: true }) as Decision,
    ]) {
      let asked = 0
      const evaluator = own(() => (asked++ === 0 ? fine : misbehave()))
      let aborted = 0
      const server = served(wholeGuard({ clock, policy: { evaluator, deadline: 400 } }), (_input, signal) =>
        (async function* () {
          signal.addEventListener('abort', () => aborted++)
          yield chunk({ delta: { content: 'word ' } })
          await new Promise(() => {})
        })(),
      )
      const response = await server.ask(chatRequest('x', { stream: true }), await analyst())
      assert.equal(response.status, 200)
      const reading = response.text()
      for (let time = 0; time < 10; time++) {
        clock.advance(100)
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      const text = await reading
      assert.match(text, /"code":"policy_unavailable"/)
      assert.ok(!text.includes('[DONE]') && !text.includes('hunter2'))
      assert.equal(aborted, 1)
    }
  })
})
