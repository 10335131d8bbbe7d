import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { builtIn, control } from '../../src/guard/control.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { bareGuard, standIns } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

// What nobody waits for must not end the process.
const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)
before(() => process.on('unhandledRejection', note))
after(() => process.off('unhandledRejection', note))

// What `await` waits for, and gives no promise back.
function thenable<T>(work: () => Promise<T>): PromiseLike<T> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: that is what this is about
    then: ((resolve: (value: T) => void, reject: (error: unknown) => void) => void work().then(resolve, reject)) as never,
  }
}

describe('what a control gives back in an unusual form', () => {
  test('a refusal that comes as a thenable counts', async () => {
    const refusing = bareGuard().use(control('late', { enter: () => thenable(() => Promise.reject(new GuardError('denied'))) as Promise<object> }))
    let ran = 0
    await assert.rejects(refusing.protect(() => ++ran, operation)(null), { code: 'denied' })
    assert.equal(ran, 0)
  })

  test('a rewrite that comes as a thenable is carried out', async () => {
    const rewriting = bareGuard().use(control('late', { request: () => thenable(() => Promise.resolve('masked')) as never }))
    assert.equal(await rewriting.protect((input: string) => input, operation)('secret'), 'masked')
  })

  test('a leave that fails as a thenable withholds the answer', async () => {
    const leaving = bareGuard().use(control('late', { leave: () => thenable(() => Promise.reject(new GuardError('audit_unavailable'))) as never }))
    await assert.rejects(leaving.protect(() => 'answer', operation)(null), { code: 'audit_unavailable' })
  })

  test('entries that a proxy shows only the second time are not added', async () => {
    let asked = 0
    const hiding = new Proxy(
      { identity: { subject: 'root' } },
      { ownKeys: (target) => (asked++ === 0 ? [] : Reflect.ownKeys(target)), getOwnPropertyDescriptor: Reflect.getOwnPropertyDescriptor },
    )
    const chain = bareGuard().use(control('forger', { enter: () => hiding as object }))
    const who = chain.protect((_input: null, call) => call.identity.subject, operation)
    assert.equal(await who(null).catch((error: { code: string }) => error.code), 's')
  })

  test('an undeclared identity is refused also where none is there yet', async () => {
    const early = control('early', { enter: () => ({ identity: { subject: 'root' } }) as object })
    const { audit, identity, decision } = standIns()
    const chain = guard({ onError: () => {} })
      .use(audit)
      .use(early)
      .use(identity)
      .use(decision)
    await assert.rejects(chain.protect(() => 1, operation)(null, { credentials: { authorization: 'Bearer x' } }), { code: 'misconfigured' })
  })
})

describe('what fails where nobody waits', () => {
  test('a task before the run that throws at once, beside one that fails later', async () => {
    const chain = bareGuard().use(
      control('tasks', {
        request(_input, _context, _call, step) {
          step.beforeRun(() => sleep(1).then(() => Promise.reject(new GuardError('audit_unavailable'))))
          step.beforeRun(() => {
            throw new GuardError('denied')
          })
        },
      }),
    )
    await assert.rejects(chain.protect(() => 1, operation)(null), GuardError)
  })

  test('an error handler, a response and an operation that are asynchronous and reject', async () => {
    const reject = (): Promise<never> => Promise.reject(new Error('slip'))
    const telling = bareGuard({ onError: reject as never }).use(control('broken', { request: () => assert.fail('broken') }))
    await assert.rejects(telling.protect(() => 1, operation)(null), { code: 'misconfigured' })
    const responding = bareGuard().use(control('async', { response: reject as never }))
    await assert.rejects(responding.protect(() => 1, operation)(null), { code: 'misconfigured' })
    const acting = bareGuard().protect(() => 1, { ...operation, action: reject as never })
    await assert.rejects(acting(null), { code: 'misconfigured' })
    const resourceful = bareGuard().protect(() => 1, { ...operation, resource: reject as never })
    await assert.rejects(resourceful(null), { code: 'misconfigured' })
    await sleep(5)
    assert.deepEqual(unhandled, [])
  })
})

describe('what a clumsy caller passes', () => {
  const call = bareGuard().protect(() => 1, operation) as (input: unknown, request: unknown) => Promise<unknown>

  for (const [what, request] of Object.entries({
    'credentials in Headers': { credentials: new Headers({ authorization: 'Bearer x' }) },
    'credentials under another letter case': { credentials: { Authorization: 'Bearer x' } },
    'credentials in a promise': { credentials: Promise.resolve({ authorization: 'Bearer x' }) },
    'credentials in a list': { credentials: ['Bearer x'] },
    'credentials in a map': { credentials: new Map([['authorization', 'Bearer x']]) },
    'credentials under another name': { credential: { authorization: 'Bearer x' } },
    'a channel with what no channel has': { channel: { secure: true, host: 'x' } },
  }))
    test(`${what}: a TypeError, and never nobody's credential`, async () => {
      await assert.rejects(call(null, request), TypeError)
    })

  test('an operation with what no operation has', () => {
    assert.throws(() => bareGuard().protect(() => 1, { ...operation, resources: [] } as never), TypeError)
  })
})

test('bytes of a subclass that chooses its copies are copied all the same', async () => {
  class Shifty extends Uint8Array {
    static get [Symbol.species](): Uint8ArrayConstructor {
      return class extends Uint8Array {
        constructor(length: number) {
          super(length)
          queueMicrotask(() => this.fill(66))
        }
      } as unknown as Uint8ArrayConstructor
    }
  }
  const given = await bareGuard().protect((input: { bytes: Uint8Array }) => [...input.bytes], operation)({ bytes: Shifty.of(1, 2, 3) })
  assert.deepEqual(given, [1, 2, 3])
})

test('the deadline ends a stream that leaves no turn for a timer', async () => {
  const busy: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: 1 }) }) }
  const parts = await bareGuard({ deadline: 20 }).protect(() => busy, operation)(null)
  await assert.rejects(
    async () => {
      for await (const _part of parts);
    },
    { code: 'deadline_exceeded' },
  )
})

test('a guard that is closed in mid-call closes what it opened only after the call has left', async () => {
  const order: string[] = []
  const { identity, decision } = standIns()
  const log = builtIn<never, { entry: undefined }>(
    'audit',
    {
      enter: () => ({ entry: undefined }),
      leave: () => sleep(5).then(() => void order.push('recorded')),
    },
    { adds: ['entry'] },
    { close: () => void order.push('closed') },
  )
  const chain = guard()
    .use(log as never)
    .use(identity)
    .use(decision)
  const running = (chain as never as ReturnType<typeof bareGuard>).protect(() => sleep(2).then(() => 'answer'), operation)(null)
  await sleep(1)
  await chain.close()
  assert.equal(await running, 'answer')
  assert.deepEqual(order, ['recorded', 'closed'])
})

describe('what calls itself a signal, and what is thrown and cannot be looked at', () => {
  test('an object that only looks like a signal is a TypeError, and nothing stays open', async () => {
    const chain = bareGuard()
    const signal = Object.create(AbortSignal.prototype) as AbortSignal
    await assert.rejects(chain.protect(() => 1, operation)(null, { signal }), TypeError)
    await chain.close()
  })

  test('a signal with methods of its own that throw: the call leaves all the same', async () => {
    const outcomes: string[] = []
    const chain = bareGuard().use(control('watch', { leave: ({ ending }) => void outcomes.push(ending) }))
    const { signal } = new AbortController()
    Object.defineProperty(signal, 'removeEventListener', {
      value: () => {
        throw new Error('no')
      },
    })
    assert.equal(await chain.protect(() => 1, operation)(null, { signal }), 1)
    assert.deepEqual(outcomes, ['completed'])
    await chain.close()
  })

  test('a revoked proxy that the function or its stream throws: one outcome, and the guard closes', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const outcomes: string[] = []
    const chain = bareGuard().use(control('watch', { leave: ({ ending }) => void outcomes.push(ending) }))
    const caught: unknown[] = []
    await chain
      .protect(
        () => Promise.reject(proxy),
        operation,
      )(null)
      .catch((error: unknown) => caught.push(error))
    const parts = await chain.protect(async function* () {
      yield 1
      throw proxy
    }, operation)(null)
    await parts.next()
    await parts.next().catch((error: unknown) => caught.push(error))
    assert.equal(caught.length, 2)
    assert.deepEqual(outcomes, ['failed', 'failed'])
    await chain.close()
  })
})

test('a function that returns what throws when it is looked at: refused, left once, and the guard closes', async () => {
  const outcomes: string[] = []
  const chain = bareGuard().use(control('watch', { leave: ({ ending }) => void outcomes.push(ending) }))
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const hostile = [proxy, new Proxy({}, { has: () => assert.fail('looked at') })]
  for (const answer of hostile)
    await chain
      .protect(
        () => answer,
        operation,
      )(null)
      .catch(() => {})
  assert.equal(outcomes.length, 2)
  await chain.close()
})

test('an answer that hides a stream behind an accessor, of its class or its own, is refused', async () => {
  const hiding = [
    new Response('secret'),
    { text: 'x', inner: { stream: new ReadableStream() } },
    {
      get textStream() {
        return assert.fail('an accessor was called')
      },
    },
  ]
  for (const answer of hiding) await assert.rejects(bareGuard().protect(() => answer, operation)(null), { code: 'payload_unsupported' })
})

test('the usual error handler writes one line, whatever a control throws, and nothing of what it says', async (context) => {
  const lines: string[] = []
  context.mock.method(console, 'error', (line: string) => void lines.push(line))
  const { audit, identity, decision } = standIns()
  const broken = control('broken', {
    request: () => {
      throw new SyntaxError('Unexpected token: \u001b[31msecret\nforged line')
    },
  })
  const chain = guard({ name: 'one\nline' }).use(audit).use(identity).use(decision).use(broken)
  await assert.rejects(chain.protect(() => 1, operation)(null), { code: 'misconfigured' })
  assert.equal(lines.length, 1)
  for (const told of ['\n', '\u001b', 'secret']) assert.ok(!lines[0]?.includes(told), lines[0])
})
