import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { control, type Outcome } from '../../src/guard/control.ts'
import { GuardError } from '../../src/guard/errors.ts'
import type { GuardOptions } from '../../src/guard/guard.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { bareGuard } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

function watched(options: GuardOptions = {}) {
  const outcomes: Outcome[] = []
  const chain = bareGuard(options).use(control('watch', { leave: (outcome) => void outcomes.push(outcome) }))
  return { chain, outcomes }
}

// A model that goes on for ever and writes down what becomes of it.
function endless() {
  const seen = { signal: undefined as AbortSignal | undefined, returned: 0, pulled: 0 }
  const stream = (signal: AbortSignal): AsyncIterable<number> => {
    seen.signal = signal
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: seen.pulled++ }),
        return: () => {
          seen.returned++
          return Promise.resolve({ done: true, value: undefined })
        },
      }),
    }
  }
  return { seen, stream }
}

describe('a call that ends', () => {
  test('completed: a value, a promise, a stream', async () => {
    const { chain, outcomes } = watched()
    assert.equal(await chain.protect(() => 1, operation)(null), 1)
    assert.equal(await chain.protect(() => Promise.resolve(2), operation)(null), 2)
    const parts: number[] = []
    for await (const part of await chain.protect(async function* () {
      yield* [1, 2, 3]
    }, operation)(null))
      parts.push(part)
    assert.deepEqual(parts, [1, 2, 3])
    assert.deepEqual(
      outcomes.map(({ ending, ran, streamed, parts }) => ({ ending, ran, streamed, parts })),
      [
        { ending: 'completed', ran: true, streamed: false, parts: 1 },
        { ending: 'completed', ran: true, streamed: false, parts: 1 },
        { ending: 'completed', ran: true, streamed: true, parts: 3 },
      ],
    )
  })

  test('failed: what the function throws is rethrown unchanged, at once, later, and in the middle of a stream', async () => {
    const { chain, outcomes } = watched()
    const mine = new Error('mine')
    const same = (error: unknown): boolean => error === mine
    await assert.rejects(
      chain.protect(() => {
        throw mine
      }, operation)(null),
      same,
    )
    await assert.rejects(chain.protect(() => Promise.reject(mine), operation)(null), same)
    const parts = await chain.protect(async function* () {
      yield 1
      throw mine
    }, operation)(null)
    assert.deepEqual(await parts.next(), { done: false, value: 1 })
    await assert.rejects(parts.next(), same)
    assert.deepEqual(await parts.next(), { done: true, value: undefined })
    assert.deepEqual(
      outcomes.map(({ ending, error }) => [ending, error]),
      [
        ['failed', mine],
        ['failed', mine],
        ['failed', mine],
      ],
    )
  })

  test('failed, not refused, where the function passes on the refusal of another guard', async () => {
    const { chain, outcomes } = watched()
    const theirs = new GuardError('limit_exceeded')
    await assert.rejects(
      chain.protect(() => {
        throw theirs
      }, operation)(null),
      (error) => error === theirs,
    )
    assert.equal(outcomes[0]?.ending, 'failed')
  })

  test('aborted: the model is told, also while it is silent, and nothing is delivered any more', async () => {
    const { chain, outcomes } = watched()
    const abort = new AbortController()
    let signal: AbortSignal | undefined
    const waiting = chain.protect((_input: null, call) => {
      signal = call.signal
      return new Promise(() => {})
    }, operation)(null, { signal: abort.signal })
    await sleep(1)
    abort.abort()
    await assert.rejects(waiting, { code: 'aborted' })
    assert.equal(signal?.aborted, true)

    const { seen, stream } = endless()
    const again = new AbortController()
    const parts = await chain.protect((_input: null, call) => stream(call.signal), operation)(null, { signal: again.signal })
    await parts.next()
    again.abort()
    await assert.rejects(parts.next(), { code: 'aborted' })
    assert.deepEqual(await parts.next(), { done: true, value: undefined })
    assert.equal(seen.signal?.aborted, true)
    assert.equal(seen.returned, 1)
    assert.deepEqual(
      outcomes.map(({ ending }) => ending),
      ['aborted', 'aborted'],
    )
  })

  test('aborted before it began: the function does not run', async () => {
    const { chain, outcomes } = watched()
    let ran = 0
    await assert.rejects(chain.protect(() => ++ran, operation)(null, { signal: AbortSignal.abort() }), { code: 'aborted' })
    assert.equal(ran, 0)
    // Nothing was entered beyond the first control that looked, so the watcher behind it need not leave.
    assert.ok(outcomes.length <= 1)
  })

  test('left: the reader breaks off, and upstream is stopped', async () => {
    const { chain, outcomes } = watched()
    const { seen, stream } = endless()
    for await (const part of await chain.protect((_input: null, call) => stream(call.signal), operation)(null)) if (part === 2) break
    assert.equal(seen.signal?.aborted, true)
    assert.equal(seen.returned, 1)
    assert.deepEqual(
      outcomes.map(({ ending, parts }) => [ending, parts]),
      [['left', 3]],
    )
  })

  test('left: the reader throws into the stream', async () => {
    const { chain, outcomes } = watched()
    const parts = await chain.protect((_input: null, call) => endless().stream(call.signal), operation)(null)
    await assert.rejects(Promise.resolve(parts.throw?.(new Error('reader'))), /reader/)
    assert.equal(outcomes[0]?.ending, 'left')
  })

  test('left: the reader never began, found out when it says so or when the deadline passes', async () => {
    const clock = testClock()
    const { chain, outcomes } = watched({ clock, deadline: 1_000 })
    const { seen, stream } = endless()
    const protectedFunction = chain.protect((_input: null, call) => stream(call.signal), operation)
    const unread = await protectedFunction(null)
    await unread.return?.()
    assert.deepEqual(
      outcomes.map(({ ending, parts }) => [ending, parts]),
      [['left', 0]],
    )
    const forgotten = await protectedFunction(null)
    clock.advance(1_000)
    await sleep(1)
    assert.deepEqual(
      outcomes.map(({ ending }) => ending),
      ['left', 'left'],
    )
    assert.equal(seen.returned, 2)
    assert.equal(seen.pulled, 0)
    await assert.rejects(forgotten.next(), { code: 'deadline_exceeded' })
    assert.equal(clock.pending, 0, 'no timer is left behind')
  })

  test('deadline: a function that hangs, a stream that stalls, a control that hangs; a call can only shorten it', async () => {
    const clock = testClock()
    const { chain, outcomes } = watched({ clock, deadline: 1_000 })
    const hanging = chain.protect(() => new Promise(() => {}), operation)(null)
    await sleep(1)
    clock.advance(1_000)
    await assert.rejects(hanging, { code: 'deadline_exceeded', status: 504 })

    const stalled = await chain.protect(async function* () {
      yield 1
      await new Promise(() => {})
    }, operation)(null, { deadline: 10 })
    await stalled.next()
    const pending = stalled.next()
    clock.advance(10)
    await assert.rejects(pending, { code: 'deadline_exceeded' })

    let ran = 0
    const stuck = chain.use(control('stuck', { enter: () => new Promise<undefined>(() => {}) })).protect(() => ++ran, operation)(null, {
      deadline: 1e9,
    })
    await sleep(1)
    clock.advance(1_000)
    await assert.rejects(stuck, { code: 'deadline_exceeded' })
    assert.equal(ran, 0)
    assert.deepEqual(
      outcomes.map(({ ending }) => ending),
      ['deadline', 'deadline', 'deadline'],
    )
  })

  test('refused in the middle of a stream, at once, from outside the flow of parts', async () => {
    const { chain, outcomes } = watched()
    let end: (() => void) | undefined
    const guarded = chain.use(
      control('revoker', {
        enter(_call, step) {
          end = () => step.end(new GuardError('identity_revoked'))
        },
      }),
    )
    const { seen, stream } = endless()
    const parts = await guarded.protect((_input: null, call) => stream(call.signal), operation)(null)
    await parts.next()
    end?.()
    await sleep(1)
    // Before the reader asks again.
    assert.equal(outcomes[0]?.ending, 'refused')
    assert.equal(seen.signal?.aborted, true)
    await assert.rejects(parts.next(), { code: 'identity_revoked' })
  })

  test('a throwing leave of a neighbour: everybody else leaves, the outer ones learn of it, and the answer is withheld', async () => {
    const errors: unknown[] = []
    const outcomes: Record<string, Outcome> = {}
    const chain = bareGuard({ onError: (error) => void errors.push(error) })
      .use(control('outer', { leave: (outcome) => void (outcomes.outer = outcome) }))
      .use(
        control('broken', {
          leave: () => {
            throw new Error('the disk is gone')
          },
        }),
      )
      .use(control('inner', { leave: (outcome) => void (outcomes.inner = outcome) }))
    await assert.rejects(chain.protect(() => 'secret', operation)(null), { code: 'misconfigured', status: 500 })
    assert.equal(outcomes.inner?.ending, 'completed')
    assert.equal(outcomes.outer?.ending, 'failed')
    assert.equal(errors.length, 1)
    const parts = await chain.protect(async function* () {
      yield 1
    }, operation)(null)
    await parts.next()
    await assert.rejects(parts.next(), { code: 'misconfigured' }, 'a stream does not end as if all were well')
  })

  test('a leave that hangs does not hold the others for ever', async () => {
    const clock = testClock()
    const { chain, outcomes } = watched({ clock })
    const hanging = chain.use(control('hang', { leave: () => new Promise<void>(() => {}) })).protect(() => 1, operation)(null)
    for (let turn = 0; turn < 5; turn++) await sleep(1)
    clock.advance(10_000)
    await assert.rejects(hanging, { code: 'deadline_exceeded' })
    assert.equal(outcomes.length, 1)
  })

  test('a stream that comes after the call was stopped is cancelled', async () => {
    const { chain } = watched()
    const { seen, stream } = endless()
    const abort = new AbortController()
    let answer: ((value: AsyncIterable<number>) => void) | undefined
    const call = chain.protect(() => new Promise<AsyncIterable<number>>((resolve) => (answer = resolve)), operation)(null, { signal: abort.signal })
    await sleep(1)
    abort.abort()
    await assert.rejects(call, { code: 'aborted' })
    answer?.(stream(abort.signal))
    await sleep(1)
    assert.equal(seen.returned, 1)
  })

  test('a readable stream is cancelled when its reader leaves', async () => {
    const { chain } = watched()
    let cancelled = 0
    const readable = new ReadableStream<number>({
      pull: (controller) => controller.enqueue(1),
      cancel: () => void cancelled++,
    })
    for await (const _part of await chain.protect(() => readable, operation)(null)) break
    assert.equal(cancelled, 1)
  })

  test('reads that overlap get their parts in order, as with a generator', async () => {
    const { chain } = watched()
    const parts = await chain.protect(async function* () {
      yield* [1, 2]
    }, operation)(null)
    const all = await Promise.all([parts.next(), parts.next(), parts.next(), parts.next()])
    assert.deepEqual(
      all.map(({ value }) => value),
      [1, 2, undefined, undefined],
    )
  })
})

test('a closed guard refuses new calls, waits for those that run, and says so', async () => {
  const { chain } = watched()
  const parts = await chain.protect(async function* () {
    yield 1
  }, operation)(null)
  let closed = false
  const closing = chain.close().then(() => {
    closed = true
  })
  await sleep(1)
  assert.equal(closed, false)
  await assert.rejects(chain.protect(() => 1, operation)(null), { code: 'switched_off', status: 503 })
  await parts.return?.()
  await closing
  await chain[Symbol.asyncDispose]()
})
