import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { killSwitch, type KillSwitchOptions } from '../../src/controls/kill-switch.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Call, Identity } from '../../src/guard/context.ts'
import { builtIn } from '../../src/guard/control.ts'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { type Switches, type SwitchTarget, switches } from '../../src/state/switches.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'

const tools = ['search', 'send'].map((name) => ({ type: 'function' as const, function: { name } }))
const request: ChatRequest = { model: 'gpt-5', messages: [{ role: 'user', content: 'x' }], tools }
const answer = { id: 'c', object: 'chat.completion', created: 1, model: 'gpt-5', choices: [] }
const piece = {
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-5',
  choices: [{ index: 0, delta: { content: 'word ' }, finish_reason: null }],
}

const chat = { action: 'chat', resource: (input: ChatRequest) => ({ type: 'model', id: input.model }), codec: openaiChat } as const

interface Parts {
  readonly name?: string
  readonly identity?: Partial<Omit<Identity, 'key'>>
  readonly store?: StateStore
  readonly options?: Partial<KillSwitchOptions>
}

function scene({ name = 'bot', identity = { tenant: 'acme' }, store, options }: Parts = {}) {
  const clock = testClock()
  const own = switches({ clock, ...(store !== undefined && { store }) })
  const log = recordingLog()
  const base = guard({ name, clock, deadline: 3_600_000, onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [identityOf(identity)] }))
    .use(killSwitch({ switches: own, ...options }))
    .use(authorize({ evaluator: allowAll(), recheck: { every: 10_000 } }))
  return { clock, switches: own, log, base }
}

async function assertOff(call: Promise<unknown>, reason?: RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isGuardError(error), String(error))
    assert.equal(error.code, 'switched_off')
    assert.equal(error.status, 503)
    if (reason !== undefined) assert.match(reasonOf(error), reason)
    return true
  })
}

function codeOf(error: unknown): string | undefined {
  return isGuardError(error) ? error.code : error === undefined ? undefined : String(error)
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function settled(clock: TestClock, milliseconds: number): Promise<void> {
  clock.advance(milliseconds)
  for (let count = 0; count < 20; count++) await turn()
}

describe('a new call', () => {
  test('is refused where its guard, tenant, model or one of its tools is off, and taken again when that is on', async () => {
    const { base, switches: own } = scene()
    let ran = 0
    const call = base.protect(() => {
      ran++
      return answer
    }, chat)
    const off: [SwitchTarget, RegExp][] = [
      [{ guard: 'bot' }, /the guard 'bot' is switched off/],
      [{ tenant: 'acme' }, /the tenant 'acme'/],
      [{ model: 'gpt-5' }, /the model 'gpt-5'/],
      [{ tool: 'search' }, /the tool 'search'/],
      [{ tool: 'send' }, /the tool 'send'/],
    ]
    for (const [target, reason] of off) {
      const before = ran
      await own.off(target)
      await assertOff(call(request), reason)
      assert.equal(ran, before)
      await own.on(target)
      await call(request)
      assert.equal(ran, before + 1)
    }
  })

  test('is taken where something else is off', async () => {
    const { base, switches: own } = scene()
    for (const target of [
      { guard: 'other' },
      { tenant: 'umbrella' },
      { model: 'gpt-5-mini' },
      { model: 'gpt-*' },
      { tool: 'pay' },
      { tool: 'gpt-5' },
      { model: 'bot' },
    ])
      await own.off(target)
    await base.protect(() => answer, chat)(request)
    const { base: nobody, switches: theirs } = scene({ identity: {} })
    await theirs.off({ tenant: 'acme' })
    await nobody.protect(() => answer, chat)(request)
  })

  test('is refused by the model that the payload names, whatever the resource is', async () => {
    const { base, switches: own } = scene()
    await own.off({ model: 'gpt-5' })
    const hidden = base.protect(() => answer, { action: 'chat', resource: { type: 'route', id: 'default' }, codec: openaiChat })
    await assertOff(hidden(request))
    await hidden({ ...request, model: 'gpt-4' })
    const stated = base.protect(() => answer, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat })
    await assertOff(stated({ ...request, model: 'gpt-4' }))
  })

  test('of a tool is refused by its resource, with any payload', async () => {
    const { base, switches: own } = scene()
    await own.off({ tool: 'pay' })
    let ran = 0
    const fn = (): string => `${ran++}`
    await assertOff(base.protect(fn, { action: 'execute_tool', resource: { type: 'tool', id: 'pay' } })({ amount: 7 }))
    await assertOff(base.protect(fn, { action: 'execute_tool', resource: { type: 'function', id: 'pay' } })({ amount: 7 }))
    await assertOff(base.protect(fn, { action: 'read', resource: { type: 'tool', id: 'pay' } })({ amount: 7 }))
    await base.protect(fn, { action: 'read', resource: { type: 'document', id: 'pay' } })({ amount: 7 })
    await base.protect(fn, { action: 'execute_tool', resource: { type: 'tool', id: 'look' } })({ amount: 7 })
    assert.equal(ran, 2)
  })

  test('for another call is refused by what is off for that one', async () => {
    const agent = scene({ name: 'agent' })
    const inner = guard({ name: 'inner', onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(killSwitch({ switches: agent.switches }))
      .use(authorize({ evaluator: allowAll() }))
    // The guard of the agent itself looks at nothing.
    const outer = guard({ name: 'agent', onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf({ tenant: 'acme' })] }))
      .use(authorize({ evaluator: allowAll() }))
    let ran = 0
    const child = inner.protect(() => ++ran, { action: 'execute_tool', resource: { type: 'tool', id: 'look' } })
    const parent = outer.protect((_input: object, call: Call) => child({}, { onBehalfOf: call }), {
      action: 'invoke_agent',
      resource: { type: 'model', id: 'gpt-5' },
    })
    for (const target of [{ guard: 'agent' }, { guard: 'inner' }, { tenant: 'acme' }, { model: 'gpt-5' }, { tool: 'look' }]) {
      await agent.switches.off(target)
      await assertOff(parent({}))
      await agent.switches.on(target)
    }
    assert.equal(ran, 0)
    assert.equal(await parent({}), 1)
  })

  test('whose payload arrives sealed is looked at when that was opened', async () => {
    const own = switches()
    // Stands where encryptPayload would.
    const opener = builtIn<Call, object>('opener', { enter: () => {} }, { needs: ['identity'] }, { opens: true })
    const base = guard({ onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf({ tenant: 'acme' })] }))
      .use(killSwitch({ switches: own }))
      .use(opener)
      .use(authorize({ evaluator: allowAll() }))
    let ran = 0
    const call = base.protect(() => {
      ran++
      return answer
    }, chat)
    for (const target of [{ model: 'gpt-5' }, { tool: 'send' }, { tenant: 'acme' }]) {
      await own.off(target)
      await assertOff(call(request))
      await own.on(target)
    }
    assert.equal(ran, 0)
    await call(request)
    assert.equal(ran, 1)
  })

  test('that offers more tools than anybody needs is refused', async () => {
    const { base } = scene()
    const call = base.protect(() => answer, chat)
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ type: 'function' as const, function: { name: `t${index}` } }))
    await call({ ...request, tools: many(1_000) })
    await assert.rejects(call({ ...request, tools: many(1_001) }), { code: 'payload_too_large' })
  })

  test('is recorded when it is refused, with the reason', async () => {
    const { base, switches: own, log } = scene()
    await own.off({ tool: 'send' })
    await assertOff(base.protect(() => answer, chat)(request))
    const [decision, outcome] = log.entries
    assert.ok(decision?.kind === 'decision' && decision.code === 'switched_off')
    assert.match(JSON.stringify(log.entries), /the tool 'send' is switched off/)
    assert.ok(outcome?.kind === 'outcome' && !outcome.ran)
  })
})

describe('a running call', () => {
  /** A stream that says a word whenever the test lets it. */
  function talking(parts: Parts = {}) {
    const own = scene(parts)
    const model = { said: 0, aborted: 0, release: (): void => {} }
    const call = own.base.protect((_input: ChatRequest, { signal }) => {
      signal.addEventListener('abort', () => model.aborted++)
      return (async function* () {
        for (;;) {
          await new Promise<void>((resolve) => (model.release = resolve))
          model.said++
          yield piece
        }
      })()
    }, chat)
    const reading = async () => {
      const state = { parts: 0, error: undefined as unknown }
      const stream = await call({ ...request, stream: true })
      void (async () => {
        try {
          for await (const _part of stream) state.parts++
        } catch (error) {
          state.error = error
        }
      })()
      await settled(own.clock, 0)
      return state
    }
    return { ...own, model, reading }
  }

  test('that streams ends at once, whatever of it is switched off; the model is aborted, and it is recorded', async () => {
    for (const target of [{ guard: 'bot' }, { tenant: 'acme' }, { model: 'gpt-5' }, { tool: 'send' }]) {
      const { clock, model, reading, switches: own, log } = talking()
      const state = await reading()
      model.release()
      await settled(clock, 5_000)
      assert.deepEqual([state.parts, codeOf(state.error)], [1, undefined])
      await own.off({ tool: 'another' })
      await settled(clock, 5_000)
      assert.equal(codeOf(state.error), undefined)
      await own.off(target)
      // No time passes.
      await settled(clock, 0)
      assert.equal(codeOf(state.error), 'switched_off', JSON.stringify(target))
      assert.equal(model.aborted, 1)
      const { last } = log
      assert.ok(last?.kind === 'outcome' && last.code === 'switched_off' && last.ending === 'refused' && last.ran && last.streamed)
    }
  })

  /** A store that tells nobody. */
  function silent(near: StateStore): StateStore {
    return { ...methodsOf(near), subscribe: () => () => {} }
  }

  test('that streams ends within a second where nobody tells', async () => {
    const near = memoryState()
    const { clock, model, reading } = talking({ store: silent(near) })
    const state = await reading()
    await settled(clock, 4_900)
    near.set('off:model:gpt-5', 'x', Number.POSITIVE_INFINITY, 0)
    await settled(clock, 1_000)
    assert.equal(codeOf(state.error), 'switched_off')
    assert.equal(model.aborted, 1)
    assert.equal(clock.pending, 0, 'no timer is left')
  })

  test('that streams ends within a second where the store is gone, or does not answer', async () => {
    for (const get of [() => Promise.reject(new Error('down')), () => new Promise<never>(() => {}), () => 'x' as never]) {
      const near = memoryState()
      let isDown = false
      const { clock, model, reading } = talking({
        store: { ...silent(near), get: (...given) => (isDown ? get() : Promise.resolve(near.get(...given))) },
      })
      const state = await reading()
      // Step by step: a store that is elsewhere needs its turn.
      for (let looks = 0; looks < 10; looks++) await settled(clock, 500)
      assert.equal(codeOf(state.error), undefined)
      isDown = true
      await settled(clock, 500)
      await settled(clock, 450)
      assert.equal(codeOf(state.error), 'switched_off')
      assert.equal(model.aborted, 1)
    }
  })

  test('is looked at as often as it is said', async () => {
    const near = memoryState()
    let asked = 0
    const store: StateStore = {
      ...silent(near),
      get: (...given) => {
        asked++
        return near.get(...given)
      },
    }
    const { clock, reading } = talking({ store, options: { recheck: { every: 5 } } })
    await reading()
    const before = asked
    await settled(clock, 4_999)
    assert.equal(asked, before)
    await settled(clock, 1)
    assert.equal(asked, before + 1)
  })

  test('that gives a whole answer is aborted at once', async () => {
    const { base, clock, switches: own } = scene()
    let aborted = 0
    const call = base.protect((_input: ChatRequest, { signal }) => {
      signal.addEventListener('abort', () => aborted++)
      return new Promise<object>(() => {})
    }, chat)
    const refused = assertOff(call(request))
    await settled(clock, 0)
    await own.off({ tool: 'send' })
    await refused
    assert.equal(aborted, 1)
  })

  test('has its whole answer withheld where it was switched off meanwhile and nobody told', async () => {
    const near = memoryState()
    const { base, log } = scene({ store: silent(near) })
    const call = base.protect(async () => {
      near.set('off:tenant:acme', 'x', Number.POSITIVE_INFINITY, 0)
      return answer
    }, chat)
    await assertOff(call(request))
    const { last } = log
    assert.ok(last?.kind === 'outcome' && last.code === 'switched_off' && last.ran)
  })

  test('that ended is listened for no more', async () => {
    const near = memoryState()
    let listening = 0
    const store: StateStore = {
      ...methodsOf(near),
      subscribe(listener) {
        const stop = near.subscribe(listener)
        listening++
        return () => {
          listening--
          stop()
        }
      },
    }
    const { base, switches: own, clock } = scene({ store })
    await base.protect(() => answer, chat)(request)
    await assert.rejects(base.protect(() => Promise.reject(new Error('x')), chat)(request))
    await own.off({ tool: 'send' })
    await assertOff(base.protect(() => answer, chat)(request))
    assert.equal(listening, 0)
    await settled(clock, 0)
    assert.equal(clock.pending, 0)
  })
})

describe('switches that do not answer', () => {
  async function assertRefused(own: Partial<Switches>): Promise<void> {
    const clock = testClock()
    const whole: Switches = { ...objectOf(switches()), ...own }
    const base = guard({ clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(killSwitch({ switches: whole }))
      .use(authorize({ evaluator: allowAll() }))
    let ran = 0
    const refused = assertOff(
      base.protect(() => {
        ran++
        return answer
      }, chat)(request),
    )
    await settled(clock, 0)
    await settled(clock, 450)
    await refused
    assert.equal(ran, 0)
  }

  test('refuse', async () => {
    await assertRefused({ offAmong: () => Promise.reject(new Error('down')) })
    await assertRefused({ offAmong: () => new Promise(() => {}) })
    await assertRefused({
      offAmong: () => {
        throw new Error('down')
      },
    })
    await assertRefused({
      subscribe: () => {
        throw new Error('down')
      },
    })
    for (const nonsense of [undefined, null, false, true, 'x', {}, [undefined], [null], ['x'], { length: 0 }]) {
      await assertRefused({ offAmong: () => nonsense as never })
      await assertRefused({ offAmong: async () => nonsense as never })
    }
  })

  test('and give nothing to unsubscribe with are a wrong set-up', async () => {
    const base = guard({ onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(killSwitch({ switches: { ...objectOf(switches()), subscribe: () => Promise.reject(new Error('x')) as never } }))
      .use(authorize({ evaluator: allowAll() }))
    await assert.rejects(base.protect(() => answer, chat)(request), { code: 'misconfigured' })
  })

  function objectOf(own: Switches): Switches {
    return {
      off: own.off.bind(own),
      on: own.on.bind(own),
      offAmong: own.offAmong.bind(own),
      isOff: own.isOff.bind(own),
      subscribe: own.subscribe.bind(own),
      describe: own.describe.bind(own),
    }
  }
})

describe('the control', () => {
  test('stands behind verifyIdentity', () => {
    const before = guard().use(audit({ log: recordingLog() }))
    assert.throws(() => before.use(killSwitch({ switches: switches() }) as never), /needs an identity/)
  })

  test('describes itself', () => {
    const { base } = scene({ options: { recheck: { every: 2 } } })
    const described = base.describe().controls.find(({ name }) => name === 'killSwitch')
    assert.deepEqual(described?.options, { switches: { kind: 'switches', store: { kind: 'memory', maxEntries: 100_000 } }, recheck: { every: 2 } })
  })

  test('that is set up wrongly is a TypeError', () => {
    const own = switches()
    for (const options of [
      undefined,
      {},
      { switches: {} },
      { switches: own, recheck: 5 },
      { switches: own, recheck: { every: 0 } },
      { switches: own, recheck: {} },
      { switches: own, other: 1 },
    ])
      assert.throws(() => killSwitch(options as never), TypeError)
  })
})

function methodsOf(store: StateStore): StateStore {
  return {
    add: store.add.bind(store),
    set: store.set.bind(store),
    get: store.get.bind(store),
    delete: store.delete.bind(store),
    subscribe: store.subscribe.bind(store),
    describe: store.describe.bind(store),
  }
}
