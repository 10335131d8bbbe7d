import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { reasonOf } from '../../src/guard/errors.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { judge } from './dpop-judge.ts'

/** A store that is asked for nothing but `add`. */
const storeOf = (add: StateStore['add']): StateStore => ({ ...memoryState(), add, describe: () => ({ kind: 'test' }) })

describe('a used proof (RFC 9449, section 11.1)', () => {
  test('is refused, at once and as long as it could be taken', async () => {
    const server = await judge()
    const proof = await server.proof()
    await server.accepts(proof)
    for (const seconds of [0, 1, 30, 28.999]) {
      server.clock.advance(seconds * 1000)
      await server.refuses(proof, 'replayed')
    }
    server.clock.advance(1)
    await server.refuses(proof, 'binding_invalid')
  })

  test('is refused also where it was made ahead of time', async () => {
    const server = await judge()
    const proof = await server.proof({ iat: Math.floor(server.clock.now() / 1000) + 5 })
    await server.accepts(proof)
    server.clock.advance(64_999)
    await server.refuses(proof, 'replayed')
    server.clock.advance(1)
    await server.refuses(proof, 'binding_invalid')
  })

  test('is refused for another method with the same jti and address, and not for another address, key or jti', async () => {
    const server = await judge()
    const other = await dpopKey({ clock: server.clock })
    const jti = 'one'
    await server.accepts(await server.proof({ jti }))
    await server.refuses(await server.proof({ jti }), 'replayed')
    await server.refuses(await server.proof({ jti, method: 'GET' }), 'replayed', { method: 'GET' })
    await server.refuses(await server.proof({ jti, url: 'https://API.example:443/./chat?x' }), 'replayed')
    await server.accepts(await server.proof({ jti: 'two' }))
    await server.accepts(await server.proof({ jti, url: 'https://api.example/embed' }), { url: 'https://api.example/embed' })
    const proof = await other.proof({ method: 'POST', url: 'https://api.example/chat', token: 'token-1', jti })
    await server.accepts(proof, { jkt: other.jkt })
  })

  test('is not mistaken for another whose address and jti run into each other', async () => {
    const server = await judge()
    for (const [url, jti] of [
      ['https://api.example/chat', '1x'],
      ['https://api.example/chat1', 'x'],
      ['https://api.example/chat1x', '\n'],
    ] as const)
      await server.accepts(await server.proof({ url, jti }), { url })
  })

  test('is taken once of many at once', async () => {
    const server = await judge()
    const proof = await server.proof()
    const taken = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.proofs.check(proof, server.bound, server.clock).then(
          () => true,
          () => false,
        ),
      ),
    )
    assert.equal(taken.filter(Boolean).length, 1)
  })

  test('is refused by every instance that shares the memory, and by those whose clocks are behind', async () => {
    const store = memoryState()
    const [one, other] = [await judge({ store }), await judge({ store })]
    const bound = { jkt: one.key.jkt }
    const proof = await one.proof()
    await one.accepts(proof)
    await other.refuses(proof, 'replayed', bound)
    // The one is a little ahead and makes the memory forget what has expired by its clock.
    one.clock.advance(64_000)
    other.clock.advance(59_500)
    await one.accepts(await one.proof())
    await other.refuses(proof, 'replayed', bound)
  })

  test('is refused although a clock that was set forward and back made the memory forget it', async () => {
    const server = await judge()
    const start = server.clock.now()
    const proof = await server.proof()
    await server.accepts(proof)
    server.clock.set(start + 3_600_000)
    await server.accepts(await server.proof())
    server.clock.set(start + 10_000)
    await server.refuses(proof, 'replayed')
  })

  test('does not keep new ones from being taken after the clock was set forward and back', async () => {
    const server = await judge()
    const start = server.clock.now()
    await server.accepts(await server.proof())
    // Wrong by an hour: what honest clients send seems too old.
    server.clock.set(start + 3_600_000)
    await server.refuses(await server.proof({ iat: start / 1000 }))
    server.clock.set(start + 10_000)
    await server.accepts(await server.proof())
  })
})

describe('the memory of used proofs', () => {
  test('holds no proof whose signature did not verify, and none that was refused for anything else', async () => {
    const asked: string[] = []
    const server = await judge({ store: storeOf((key) => asked.push(key) > 0) })
    const proof = await server.proof()
    const forged = `${proof.slice(0, proof.lastIndexOf('.'))}.${Buffer.alloc(64, 1).toString('base64url')}`
    for (const bad of [forged, await server.proof({ method: 'GET' }), await server.proof({ iat: 1 }), await server.proof({ token: 'other' })])
      await server.refuses(bad)
    assert.deepEqual(asked, [])
    await server.accepts(proof)
    assert.equal(asked.length, 1)
  })

  test('is asked with a short key that holds neither the address nor the jti', async () => {
    const asked: [string, number, number][] = []
    const server = await judge({ store: storeOf((...all) => asked.push(all) > 0) })
    const now = server.clock.now()
    const url = `https://api.example/${'long'.repeat(200)}`
    await server.accepts(await server.proof({ jti: 'secret-jti', url, iat: now / 1000 - 10 }), { url })
    const [key, expiresAt, at] = asked[0] ?? assert.fail()
    assert.match(key, /^dpop:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]{43}$/)
    assert.deepEqual([expiresAt, at], [now + 55_000, now])
  })

  test('is bounded: a flood of good proofs is refused when it is full, and taken again when the first have expired', async () => {
    const server = await judge({ store: memoryState({ maxEntries: 50 }) })
    for (let count = 0; count < 50; count++) await server.accepts(await server.proof())
    for (let count = 0; count < 3; count++) await server.refuses(await server.proof(), 'keys_unavailable')
    server.clock.advance(65_000)
    await server.accepts(await server.proof())
  })

  test('that throws, rejects or answers nonsense refuses', async () => {
    const failures: StateStore['add'][] = [
      () => {
        throw new Error('down')
      },
      () => Promise.reject(new Error('down')),
      ...[undefined, null, 1, 'OK', {}].flatMap((answer) => [() => answer as unknown as boolean, async () => answer as unknown as boolean]),
    ]
    for (const add of failures) {
      const server = await judge({ store: storeOf(add) })
      await server.refuses(await server.proof(), 'keys_unavailable')
    }
    for (const add of [async () => true, () => true]) {
      const server = await judge({ store: storeOf(add) })
      await server.accepts(await server.proof())
    }
    for (const add of [async () => false, () => false]) {
      const server = await judge({ store: storeOf(add) })
      await server.refuses(await server.proof(), 'replayed')
    }
  })

  test('that hangs refuses when its time is over', async () => {
    const clock = testClock()
    let asked = (): void => {}
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const server = await judge(
      {
        store: storeOf(() => {
          asked()
          return new Promise<boolean>(() => {})
        }),
      },
      clock,
    )
    const refused = server.refuses(await server.proof(), 'keys_unavailable')
    await isAsked
    while (clock.pending === 0) await Promise.resolve()
    clock.advance(450)
    assert.match(reasonOf(await refused), /memory of used proofs failed/)
    assert.equal(clock.pending, 0)
  })
})

test('whatever is sent, in whatever order and at whatever times, no proof is taken twice', async () => {
  const key = await dpopKey()
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('send' as const), jti: fc.nat(3), age: fc.integer({ min: -6, max: 61 }) }),
          fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(40) }),
          fc.record({ kind: fc.constant('step' as const), seconds: fc.integer({ min: -100, max: 100 }) }),
        ),
        { maxLength: 12 },
      ),
      async (events) => {
        const server = await judge({}, testClock(), key)
        const sent = new Map<string, string>()
        const taken = new Set<string>()
        for (const event of events) {
          if (event.kind === 'wait') server.clock.advance(event.seconds * 1000)
          else if (event.kind === 'step') server.clock.set(server.clock.now() + event.seconds * 1000)
          else {
            const iat = Math.floor(server.clock.now() / 1000) - event.age
            const proof = await server.proof({ jti: `${event.jti}`, iat })
            sent.set(proof, `${event.jti}`)
          }
          for (const proof of sent.keys()) {
            const isTaken = await server.proofs.check(proof, server.bound, server.clock).then(
              () => true,
              () => false,
            )
            if (!isTaken) continue
            assert.ok(!taken.has(proof))
            taken.add(proof)
          }
        }
      },
    ),
    { numRuns: 40 },
  )
})
