import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitCounters } from '../../src/limits/limit-counters.ts'
import type { LimitStore, Reservation } from '../../src/limits/limit-store.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { as, chunk, completion } from './limited-guard.ts'
import { ada, chat, long, meteredGuard, read, request, stream, streamed, words } from './metered-guard.ts'

const tokens = { name: 'tokens', tokens: 100_000, window: long }
const places = { name: 'places', concurrent: 2, lease: 30 }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a stream reserves what three in four answers of this caller and model needed, and not all that it may have', async () => {
  const { guard, left } = meteredGuard(tokens)
  const during: number[] = []
  const ask = guard.protect(async function* (input: ChatRequest) {
    const before = left(tokens)
    during.push(before)
    yield* words(input.model === 'm' ? 300 : 10)
  }, chat)
  const input = request({ stream: true, max_completion_tokens: 4_000 })
  const reservedBy = async (ask: () => Promise<unknown>): Promise<number> => {
    const before = left(tokens)
    await ask()
    return before - (during.at(-1) ?? 0)
  }
  // Of whom nothing is known.
  assert.ok(Math.abs((await reservedBy(() => read(ask(input, ada)))) - 1_024) < 10)
  for (let call = 0; call < 10; call++) await read(ask(input, ada))
  const learned = await reservedBy(() => read(ask(input, ada)))
  assert.ok(learned > 250 && learned < 420, `${learned}`)
  // Another model is another habit, and what may be had is never exceeded.
  assert.ok(Math.abs((await reservedBy(() => read(ask({ ...input, model: 'n' }, ada)))) - 1_024) < 10)
  assert.ok((await reservedBy(() => read(ask({ ...input, max_completion_tokens: 50 }, ada)))) <= 55)
})

test('a whole answer, which cannot be cut, reserves all that it may have', async () => {
  const { guard, left } = meteredGuard(tokens)
  const during: number[] = []
  const ask = guard.protect(() => {
    during.push(left(tokens))
    return completion('hi', { prompt_tokens: 5, completion_tokens: 5 })
  }, chat)
  for (let call = 0; call < 12; call++) await ask(request({ max_completion_tokens: 4_000 }), ada)
  assert.ok(100_000 - 11 * 10 - (during.at(-1) ?? 0) >= 4_000)
})

test('nothing is learned of an answer that broke off', async () => {
  const { guard, left } = meteredGuard(tokens)
  const during: number[] = []
  const ask = guard.protect(async function* () {
    during.push(left(tokens))
    yield* words(500)
  }, chat)
  for (let call = 0; call < 20; call++) for await (const _ of await ask(streamed, ada)) break
  const before = left(tokens)
  await read(ask(streamed, ada))
  assert.ok(before - (during.at(-1) ?? 0) >= 1_024)
})

test('where it was chosen, a stream that outruns the limit goes on, and later calls wait for what it owes', async () => {
  const small = { name: 'tokens', tokens: 1_000, window: 1_000 }
  const counters = limitCounters()
  const { guard, left, clock } = meteredGuard(small, { onOverrun: 'debt', counters })
  const ask = guard.protect(() => stream(words(3_000)), chat)
  assert.equal(await read(ask(streamed, ada)), 3_000)
  assert.equal(left(small), 0)
  const [count] = counters.read()
  assert.ok((count?.spent ?? 0) >= 3_000 && (count?.owed ?? 0) >= 1_900)
  assert.equal(count?.cut, 0)
  await assert.rejects(ask(streamed, ada), { code: 'limit_exceeded' })
  clock.advance(2_900_000)
  assert.ok(left(small) > 850)
})

test('a stream in debt does not ask the store for every part', async () => {
  let asked = 0
  const { guard } = meteredGuard({ name: 'tokens', tokens: 1_100, window: long }, { onOverrun: 'debt' }, (store) => ({
    reserve(...given) {
      const answer = store.reserve(...given)
      if (!answer.allowed) return answer
      const extend: Reservation['extend'] = (more, now) => {
        asked++
        return answer.extend(more, now)
      }
      return { allowed: true, limits: answer.limits, extend, settle: (...args) => answer.settle(...args), release: () => answer.release() }
    },
  }))
  await read(guard.protect(() => stream(words(5_000)), chat)(streamed, ada))
  assert.ok(asked <= 20, `${asked}`)
})

test('a place is kept for as long as a call runs, whole or streamed', async () => {
  const { guard, left, clock } = meteredGuard(places)
  let finish = (): void => {}
  const slow = guard.protect(async () => {
    await new Promise<void>((resolve) => (finish = resolve))
    return completion('done')
  }, chat)
  const running = slow(request(), { ...ada, deadline: 1e9 })
  await turn()
  const parts = await guard.protect(() => stream(words(100)), chat)(streamed, ada)
  for (let second = 0; second < 100; second++) {
    await parts.next()
    clock.advance(1_000)
  }
  assert.equal(left(places), 0)
  await assert.rejects(slow(request(), ada), { code: 'limit_exceeded' })
  finish()
  await running
  await parts.return?.()
  assert.equal(left(places), 2)
  // And nothing goes on renewing.
  assert.equal(clock.pending, 0)
})

test('a place is renewed in a store that answers later, and a call whose place is lost ends', async () => {
  let loses = false
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)))
  const wrap = (store: LimitStore): LimitStore => ({
    async reserve(...given) {
      const answer = await later(await store.reserve(...given))
      if (!answer.allowed) return answer
      const extend: Reservation['extend'] = async (more, now) => {
        if (!loses) return later(await answer.extend(more, now))
        const violated = [{ name: 'places', unit: 'concurrent', limit: 2, remaining: 0, reset: 0, window: undefined, retryAfter: 1 }] as const
        return later({ allowed: false, violated, retryAfter: 1 })
      }
      return {
        allowed: true,
        limits: answer.limits,
        extend,
        settle: async (...args) => answer.settle(...args),
        release: async () => answer.release(),
      }
    },
  })
  for (const onOverrun of ['cut', 'debt'] as const) {
    loses = false
    const { guard, left, clock } = meteredGuard(places, { onOverrun }, wrap)
    const parts = await guard.protect(() => stream(words(100)), chat)(streamed, ada)
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000)
      await turn()
    }
    await parts.next()
    assert.equal(left(places), 1)
    loses = true
    clock.advance(10_000)
    await turn()
    await turn()
    if (onOverrun === 'cut') await assert.rejects(parts.next(), { code: 'limit_exceeded' })
    else assert.equal((await parts.next()).done, false)
  }
})

test('ten thousand streams that are aborted leave no place taken and no token reserved', async () => {
  const many = { name: 'places', concurrent: 10_000 }
  const { guard, left, clock } = meteredGuard([many, { ...tokens, tokens: 1e9 }])
  const ask = guard.protect(() => stream(words(5)), chat)
  for (let round = 0; round < 10; round++) {
    const aborter = new AbortController()
    const open = await Promise.all(Array.from({ length: 1_000 }, () => ask(streamed, { ...ada, signal: aborter.signal })))
    await open[0]?.next()
    assert.equal(left(many), 9_000)
    aborter.abort()
    await Promise.allSettled(open.map((parts) => parts.next()))
  }
  await turn()
  assert.equal(left(many), 10_000)
  // Two tokens of input each, and what was delivered.
  assert.ok(1e9 - left({ ...tokens, tokens: 1e9 }) <= 10_000 * 2 + 10)
  assert.equal(clock.pending, 0)
})

test('a refusal in mid-stream is the protocol`s own error, and what was used is what the vendor says', async () => {
  const { guard, left } = meteredGuard({ name: 'tokens', tokens: 2_000, window: long })
  const parts = [...words(10), chunk({}, { prompt_tokens: 40, completion_tokens: 60 })]
  await read(guard.protect(() => stream(parts), chat)(streamed, ada))
  assert.equal(left({ name: 'tokens', tokens: 2_000, window: long }), 1_900)
  let count = 0
  await assert.rejects(
    async () => {
      for await (const _ of await guard.protect(() => stream(words(4_000)), chat)(streamed, ada)) count++
    },
    { code: 'limit_exceeded' },
  )
  assert.ok(count > 1_850 && count <= 1_900)
})

test('calls of others are not waited for', async () => {
  const { guard } = meteredGuard(places)
  const ask = guard.protect(() => stream(words(2)), chat)
  const open = [await ask(streamed, ada), await ask(streamed, ada)]
  await assert.rejects(ask(streamed, ada), { code: 'limit_exceeded' })
  await read(ask(streamed, as('grace')))
  for (const parts of open) await parts.return?.()
})
