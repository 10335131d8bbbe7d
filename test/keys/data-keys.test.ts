import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DataKeyOptions, DataKeys, type HeldKey } from '../../src/keys/data-keys.ts'
import { GuardError } from '../../src/guard/errors.ts'
import type { InputKey } from '../../src/keys/input-key.ts'
import type { DataKey, KeyContext, KeyProvider, WrappedKey } from '../../src/keys/key-provider.ts'
import { keyring } from '../../src/keys/keyring.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'

const acme: KeyContext = { tenant: 'acme' }
const unavailable = { code: 'keys_unavailable' }

interface Watched {
  readonly provider: KeyProvider
  readonly asked: string[]
  /** What the next calls do before the ring answers. */
  before: (signal: AbortSignal | undefined) => unknown
}

/** A real ring that can be slow, fail, or be counted. */
function watched(): Watched {
  const ring = keyring({ primary: 'k1', keys: { k1: Uint8Array.from({ length: 32 }, (_, index) => index) } })
  const own: Watched = { asked: [], before: () => undefined, provider: ring }
  const through =
    <A extends unknown[], R>(name: string, call: (...args: A) => R) =>
    async (...args: A): Promise<Awaited<R>> => {
      own.asked.push(name)
      await own.before(args.find((each) => each instanceof AbortSignal))
      return await call(...args)
    }
  return Object.assign(own, {
    provider: {
      generate: through('generate', (context: KeyContext, _signal?: AbortSignal) => ring.generate(context)),
      wrap: through('wrap', (key: Uint8Array, context: KeyContext, _signal?: AbortSignal) => ring.wrap(key, context)),
      unwrap: through('unwrap', (key: WrappedKey, context: KeyContext, _signal?: AbortSignal) => ring.unwrap(key, context)),
      rewrap: through('rewrap', (key: WrappedKey, context: KeyContext, _signal?: AbortSignal) => ring.rewrap(key, context)),
      state: () => ring.state(),
      describe: () => ring.describe(),
    },
  })
}

function make(options: DataKeyOptions = {}): Watched & { keys: DataKeys; clock: TestClock } {
  const own = watched()
  const clock = testClock()
  return Object.assign(own, { clock, keys: new DataKeys(own.provider, { clock, ...options }) })
}

const held = (keys: DataKeys, context = acme, bytes = 1): Promise<HeldKey> => Promise.resolve(keys.toSeal(context, bytes, (key) => key))
const opened = (keys: DataKeys, wrapped: WrappedKey, context = acme): Promise<InputKey> =>
  Promise.resolve(keys.toOpen(wrapped, context, (key) => key))
const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

// The first key of all loads what keeps it, which takes real time.
await held(make().keys)

describe('data keys', () => {
  test('are asked for once by many at the same time, and are kept', async () => {
    const { keys, asked } = make()
    const all = await Promise.all(Array.from({ length: 50 }, () => held(keys)))
    assert.equal(new Set(all).size, 1)
    await held(keys)
    assert.deepEqual(asked, ['generate'])
    const [first] = all
    assert.ok(first)
    await Promise.all(Array.from({ length: 50 }, () => opened(keys, first.wrapped)))
    assert.deepEqual(asked, ['generate', 'unwrap'])
    assert.equal(keys.metrics().kept, 2)
  })

  test('are apart for every context, also where two are spelled alike when they are put together', async () => {
    const { keys } = make()
    const one = await held(keys, { tenant: 'a', subject: 'b' })
    const other = await held(keys, { tenant: 'a7:subjectb' })
    assert.notEqual(one, other)
    await assert.rejects(opened(keys, one.wrapped, { tenant: 'a' }), { code: 'decryption_failed' })
  })

  test('are used for as many messages, bytes and seconds as they may be, and not once more', async () => {
    const { keys, clock, asked } = make({ maxMessages: 3, maxBytes: 100, maxAge: 10 })
    const first = await held(keys)
    assert.equal(await held(keys), first)
    assert.equal(await held(keys), first)
    const second = await held(keys)
    assert.notEqual(second, first)
    assert.equal(first.input.isWiped, true)
    // Of 100 bytes one is spent.
    assert.equal(await held(keys, acme, 99), second)
    const third = await held(keys, acme, 1)
    assert.notEqual(third, second)
    third.add(99)
    const fourth = await held(keys, acme, 1)
    assert.notEqual(fourth, third)
    clock.advance(9_999)
    assert.equal(await held(keys), fourth)
    clock.advance(1)
    assert.notEqual(await held(keys), fourth)
    assert.equal(asked.length, 5)
    assert.equal(keys.metrics().exhausted, 3)
  })

  test('are had at once where the provider is at hand, as soon as any were wanted in this process', async () => {
    const ring = keyring({ primary: 'k1', keys: { k1: Uint8Array.from({ length: 32 }, (_, index) => index) } })
    await held(new DataKeys(ring))
    assert.equal(
      new DataKeys(ring).toSeal(acme, 1, () => 'at once'),
      'at once',
    )
  })

  test('hold to their bounds also for many who waited for one key', async () => {
    const { keys } = make({ maxMessages: 4 })
    const all = await Promise.all(Array.from({ length: 20 }, () => held(keys)))
    const uses = new Map<HeldKey, number>()
    for (const key of all) uses.set(key, (uses.get(key) ?? 0) + 1)
    assert.deepEqual([...uses.values()], [4, 4, 4, 4, 4])
  })

  test('a message that is larger than the bound has a key of its own', async () => {
    const { keys } = make({ maxBytes: 100 })
    const large = await held(keys, acme, 1000)
    assert.notEqual(await held(keys, acme, 1), large)
  })

  test('are wiped when they are too old, though nobody asks for them any more', async () => {
    const { keys, clock } = make({ maxAge: 10, staleWhileDown: 5 })
    const { wrapped, input } = await held(keys)
    const other = await opened(keys, wrapped)
    clock.advance(14_999)
    assert.equal(keys.metrics().oldest, 14.999)
    assert.deepEqual([input.isWiped, other.isWiped], [false, false])
    clock.advance(1)
    assert.deepEqual([input.isWiped, other.isWiped, keys.metrics().kept], [true, true, 0])
    assert.equal(clock.pending, 0)
  })

  test('are wiped when they make room for others, and on close', async () => {
    const { keys } = make({ maxKeys: 2 })
    const all = [await held(keys, { tenant: 'a' }), await held(keys, { tenant: 'b' }), await held(keys, { tenant: 'c' })]
    assert.deepEqual(
      all.map(({ input }) => input.isWiped),
      [true, false, false],
    )
    assert.equal(keys.metrics().evicted, 1)
    keys.close()
    assert.ok(all.every(({ input }) => input.isWiped))
    assert.throws(() => keys.toSeal(acme, 1, (key) => key), unavailable)
  })

  test('that were asked for before all were forgotten are asked for anew, so that what was erased meanwhile stays so', async () => {
    const own = make()
    const { wrapped } = await own.provider.generate(acme)
    let release = (): void => {}
    own.before = () => new Promise<void>((resolve) => (release = resolve))
    const opening = opened(own.keys, wrapped)
    const failing = assert.rejects(opening, { code: 'decryption_failed' })
    await turns()
    own.keys.clear()
    own.before = () => {
      throw new GuardError('decryption_failed', { reason: 'it was destroyed' })
    }
    release()
    await failing
    assert.equal(own.keys.metrics().kept, 0)
  })

  test('that arrive after close are wiped, and not used', async () => {
    const own = make()
    let release = (): void => {}
    own.before = () => new Promise<void>((resolve) => (release = resolve))
    const waiting = held(own.keys)
    await turns()
    own.keys.close()
    release()
    await assert.rejects(waiting, unavailable)
    assert.equal(own.keys.metrics().kept, 0)
  })

  test('A28: open beyond their age while the provider is down where that was asked for, seal never, and both for no longer', async () => {
    const { keys, clock, ...own } = make({ maxAge: 10, staleWhileDown: 20, retries: 0 })
    const { wrapped } = await held(keys)
    await opened(keys, wrapped)
    Object.assign(own, { before: undefined })
    const down = make({ maxAge: 10, staleWhileDown: 20, retries: 0 })
    const key = await held(down.keys)
    const kept = await opened(down.keys, key.wrapped)
    down.before = () => Promise.reject(new Error('down'))
    down.clock.advance(12_000)
    assert.equal(await opened(down.keys, key.wrapped), kept)
    assert.equal(down.keys.metrics().stale, 1)
    await assert.rejects(held(down.keys), unavailable)
    down.clock.advance(18_000)
    await assert.rejects(opened(down.keys, key.wrapped), unavailable)
  })

  test('do not open beyond their age where nobody asked for that, nor where the provider says no', async () => {
    const strict = make({ maxAge: 10, retries: 0 })
    const key = await held(strict.keys)
    await opened(strict.keys, key.wrapped)
    strict.before = () => Promise.reject(new Error('down'))
    strict.clock.advance(10_000)
    await assert.rejects(opened(strict.keys, key.wrapped), unavailable)
    const withdrawn = make({ maxAge: 10, staleWhileDown: 100 })
    const other = await held(withdrawn.keys)
    await opened(withdrawn.keys, other.wrapped)
    withdrawn.before = () => Promise.reject(new GuardError('decryption_failed', { reason: 'the key was destroyed' }))
    withdrawn.clock.advance(10_000)
    await assert.rejects(opened(withdrawn.keys, other.wrapped), { code: 'decryption_failed' })
  })
})

describe('a key provider', () => {
  test('that does not answer is waited for until the deadline, told to stop, and refused', async () => {
    const own = make({ deadline: 1000 })
    let signal: AbortSignal | undefined
    own.before = (given) => {
      signal = given
      return new Promise(() => {})
    }
    const waiting = held(own.keys)
    const failing = assert.rejects(waiting, unavailable)
    await turns()
    own.clock.advance(1000)
    await failing
    assert.equal(signal?.aborted, true)
  })

  test('that answers after its deadline is not heard, and the data key in its answer is wiped', async () => {
    for (const operation of ['generate', 'unwrap'] as const) {
      const own = watched()
      const { wrapped } = await own.provider.generate(acme)
      let release = (): void => {}
      const late: Uint8Array[] = []
      const slow: KeyProvider = {
        ...own.provider,
        async [operation](...given: never[]): Promise<never> {
          await new Promise<void>((resolve) => (release = resolve))
          const answer = await (own.provider[operation] as (...args: never[]) => Promise<DataKey | Uint8Array>)(...given)
          late.push(answer instanceof Uint8Array ? answer : answer.plaintext)
          return answer as never
        },
      }
      const clock = testClock()
      const keys = new DataKeys(slow, { clock, deadline: 1000 })
      const failing = assert.rejects(operation === 'generate' ? held(keys) : opened(keys, wrapped), unavailable)
      await turns()
      clock.advance(1000)
      await failing
      release()
      await turns(100)
      assert.deepEqual(late, [new Uint8Array(32)])
      assert.equal(keys.metrics().kept, 0)
    }
  })

  test('that answers nonsense with a key in it has the key wiped', async () => {
    const own = watched()
    const plaintext = crypto.getRandomValues(new Uint8Array(32))
    const bad: KeyProvider = { ...own.provider, generate: () => ({ plaintext, wrapped: { id: '', version: '', bytes: new Uint8Array() } }) }
    await assert.rejects(async () => held(new DataKeys(bad)), unavailable)
    assert.deepEqual(plaintext, new Uint8Array(32))
  })

  test('that fails is asked again, twice, and then refused', async () => {
    const own = make()
    own.before = () => Promise.reject(new Error('throttled'))
    const failing = assert.rejects(held(own.keys), unavailable)
    for (let step = 0; step < 10; step++) {
      await turns()
      own.clock.advance(100)
    }
    await failing
    assert.equal(own.asked.length, 3)
  })

  test('that fails once and answers then is not noticed', async () => {
    const own = make()
    let left = 1
    own.before = () => (left-- > 0 ? Promise.reject(new Error('throttled')) : undefined)
    const waiting = held(own.keys)
    await turns()
    own.clock.advance(50)
    await waiting
    assert.equal(own.asked.length, 2)
  })

  test('that says no is not asked again, and is not taken for one that is down', async () => {
    const own = make({ retries: 2 })
    const { wrapped } = await held(own.keys)
    for (let time = 0; time < 5; time++) await assert.rejects(opened(own.keys, wrapped, { tenant: 'other' }), { code: 'decryption_failed' })
    assert.equal(own.asked.length, 6)
    await opened(own.keys, wrapped)
  })

  test('that refuses for another reason than being down is not taken for one that is', async () => {
    const own = make({ retries: 2 })
    own.before = () => Promise.reject(new GuardError('misconfigured', { reason: 'no subject' }))
    for (let time = 0; time < 5; time++) await assert.rejects(held(own.keys), { code: 'misconfigured' })
    own.before = () => undefined
    await held(own.keys)
    assert.equal(own.asked.length, 6)
  })

  test('that is down is asked by one call at a time, and the first answer ends it', async () => {
    const own = make({ retries: 0 })
    own.before = () => Promise.reject(new Error('down'))
    for (let time = 0; time < 3; time++) await assert.rejects(held(own.keys, { tenant: `t${time}` }), unavailable)
    let release = (): void => {}
    own.before = () => new Promise<void>((resolve) => (release = resolve))
    const trying = held(own.keys, { tenant: 'a' })
    await turns()
    assert.throws(() => own.keys.toSeal({ tenant: 'b' }, 1, (key) => key), unavailable)
    assert.equal(own.asked.length, 4)
    release()
    await trying
    own.before = () => undefined
    await held(own.keys, { tenant: 'b' })
  })

  test('that answers nonsense is refused', async () => {
    const own = watched()
    const answers: readonly unknown[] = [
      { plaintext: new Uint8Array(16), wrapped: { id: 'a', version: '', bytes: new Uint8Array(1) } },
      { plaintext: 'x'.repeat(32), wrapped: { id: 'a', version: '', bytes: new Uint8Array(1) } },
      { plaintext: new Uint8Array(32), wrapped: { id: '', version: '', bytes: new Uint8Array(1) } },
      { plaintext: new Uint8Array(32), wrapped: { id: 'a', version: 'v'.repeat(256), bytes: new Uint8Array(1) } },
      { plaintext: new Uint8Array(32), wrapped: { id: 'a', version: '', bytes: new Uint8Array(16_385) } },
      { plaintext: new Uint8Array(32), wrapped: { id: 'a', version: '', bytes: new Uint8Array() } },
    ]
    for (const answer of answers) {
      const keys = new DataKeys({ ...own.provider, generate: () => answer as DataKey }, { clock: testClock() })
      assert.throws(() => keys.toSeal(acme, 1, (key) => key), unavailable)
    }
  })
})
