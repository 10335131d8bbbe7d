import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LimitStore, Refusal, Reservation } from '../../src/limits/limit-store.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { memoryLimits, type MemoryLimits } from '../../src/limits/memory-limits.ts'
import { type OnStoreFailure, StoreAccess } from '../../src/limits/store-access.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { remaining } from './answers.ts'

const hour = { limit: planLimit({ name: 'hour', tokens: 1_000, window: 3_600 }), key: 'ada' }
const day = { limit: planLimit({ name: 'day', tokens: 5_000, window: 'day' }), key: 'ada' }
const places = { limit: planLimit({ name: 'places', concurrent: 10 }), key: 'ada' }
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Scene {
  readonly access: StoreAccess
  readonly store: MemoryLimits
  readonly clock: TestClock
  readonly state: { mode: 'fine' | 'down' | 'hung'; asked: number }
}

function scene(onFailure: OnStoreFailure): Scene {
  const clock = testClock()
  const store = memoryLimits()
  const state: Scene['state'] = { mode: 'fine', asked: 0 }
  const away = async (): Promise<void> => {
    state.asked++
    if (state.mode === 'hung') await new Promise(() => {})
    if (state.mode === 'down') throw new Error('down')
  }
  const wrapped = (reservation: Reservation): Reservation => ({
    allowed: true,
    limits: reservation.limits,
    async extend(more, now) {
      await away()
      const answer = await reservation.extend(more, now)
      return answer.allowed ? wrapped(answer) : answer
    },
    async settle(actual, now) {
      await away()
      await reservation.settle(actual, now)
    },
    async release(now) {
      await away()
      await reservation.release(now)
    },
  })
  const own: LimitStore = {
    async reserve(limits, amounts, now, wall) {
      await away()
      const answer = store.reserve(limits, amounts, now, wall)
      return answer.allowed ? wrapped(answer) : answer
    },
  }
  return { access: new StoreAccess(own, onFailure, 50), store, clock, state }
}

async function reserving({ access, clock }: Scene, tokens: number): Promise<Reservation | Refusal> {
  return access.reserve([hour, day, places], { tokens, concurrent: 1 }, clock)
}

async function reserved(own: Scene, tokens: number): Promise<Reservation> {
  const answer = await reserving(own, tokens)
  assert.ok(answer.allowed)
  return answer
}

test('while a store is down one call at a time asks it, and the others are decided at once', async () => {
  const own = scene('refuse')
  own.state.mode = 'down'
  for (let call = 0; call < 3; call++) await assert.rejects(reserving(own, 1), { code: 'limits_unavailable' })
  own.state.mode = 'hung'
  own.state.asked = 0
  const first = reserving(own, 1)
  for (let call = 0; call < 100; call++) await assert.rejects(reserving(own, 1), { code: 'limits_unavailable' })
  assert.equal(own.state.asked, 1)
  own.clock.advance(50)
  await assert.rejects(first, { code: 'limits_unavailable' })
  own.state.mode = 'fine'
  await reserved(own, 1)
  await Promise.all(Array.from({ length: 5 }, () => reserved(own, 1)))
  assert.equal(own.state.asked, 7)
})

test('what was granted without the store is told to it when it is back, less what has leaked away', async () => {
  const own = scene({ local: 0.5 })
  own.state.mode = 'down'
  const calls: Reservation[] = []
  for (let call = 0; call < 3; call++) calls.push(await reserved(own, 100))
  assert.equal((await reserving(own, 300)).allowed, false)
  assert.ok(own.access.isLocal(calls[0] as Reservation))
  await own.access.settle(calls[0] as Reservation, { tokens: 40 }, own.clock)
  await own.access.settle(calls[1] as Reservation, {}, own.clock)
  await own.access.settle(calls[2] as Reservation, undefined, own.clock)
  // Ten of the hour leak away, and none of the day.
  own.clock.advance(36_000)
  own.state.mode = 'fine'
  await own.access.settle(await reserved(own, 0), { tokens: 0 }, own.clock)
  await settled()
  await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000 - 130)
  const answer = own.store.reserve([day], { tokens: 0 }, own.clock.monotonic(), own.clock.now())
  assert.equal(answer.allowed && answer.limits[0]?.remaining, 5_000 - 140)
  // Places came back with their calls.
  assert.equal(remaining(own.store, places, own.clock.monotonic()), 10)
  // Once.
  await reserved(own, 0)
  await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000 - 130)
})

test('a call that ends after the store is back is told to it as well', async () => {
  const own = scene({ local: 0.5 })
  own.state.mode = 'down'
  const call = await reserved(own, 100)
  own.state.mode = 'fine'
  await reserved(own, 0)
  const more = await own.access.extend(call, [hour, day, places], { tokens: 50 }, own.clock)
  assert.ok(more.allowed)
  await own.access.settle(call, {}, own.clock)
  await reserved(own, 0)
  await settled()
  await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000 - 150)
})

test('a store that fails again while it is told loses nothing', async () => {
  const own = scene({ local: 0.5 })
  own.state.mode = 'down'
  await own.access.settle(await reserved(own, 100), {}, own.clock)
  own.state.mode = 'fine'
  const probe = own.access.reserve([hour], { tokens: 0 }, own.clock)
  await probe
  own.state.mode = 'down'
  await settled()
  await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000)
  own.state.mode = 'fine'
  await reserved(own, 0)
  for (let round = 0; round < 5; round++) await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000 - 100)
})

test('a stream that was extended without the store, and could not settle either, owes what it was extended by', async () => {
  const own = scene({ local: 0.5 })
  const call = await reserved(own, 100)
  own.state.mode = 'down'
  const more = await own.access.extend(call, [hour, day, places], { tokens: 60 }, own.clock)
  assert.ok(more.allowed)
  await own.access.settle(call, { tokens: 160 }, own.clock)
  own.state.mode = 'fine'
  await reserved(own, 0)
  for (let round = 0; round < 5; round++) await settled()
  assert.equal(remaining(own.store, hour, own.clock.monotonic()), 1_000 - 160)
})
