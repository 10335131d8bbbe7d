import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DpopNonces, isGoodNonce } from '../../src/identity/dpop-nonces.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { judge } from './dpop-judge.ts'

const secret = new Uint8Array(32).fill(7)
const period = 120_000

describe('nonces (RFC 9449, sections 8 and 9)', () => {
  test('are good in their period and in the one after it, and in no other', async () => {
    const nonces = new DpopNonces({ secret, period })
    const start = 1_000 * period
    const { current } = await nonces.at(start)
    for (const later of [0, 1, period - 1, period, 2 * period - 1]) assert.ok(isGoodNonce(current, await nonces.at(start + later)), `${later}`)
    for (const other of [-1, -period, 2 * period, 3 * period]) assert.ok(!isGoodNonce(current, await nonces.at(start + other)), `${other}`)
  })

  test('differ from period to period and from secret to secret, and look random', async () => {
    const nonces = [new DpopNonces({ secret, period }), new DpopNonces({ secret: undefined, period }), new DpopNonces({ secret: undefined, period })]
    const seen = new Set<string>()
    for (const own of nonces)
      for (let number = 0; number < 20; number++) {
        const { current } = await own.at(number * period)
        assert.match(current, /^[A-Za-z0-9_-]{43}$/)
        seen.add(current)
      }
    assert.equal(seen.size, 60)
  })

  test('are the same at once for whoever asks at once', async () => {
    const nonces = new DpopNonces({ secret, period })
    const all = await Promise.all(Array.from({ length: 10 }, () => nonces.at(0)))
    assert.equal(new Set(all.map(({ current }) => current)).size, 1)
  })

  test('of one instance are good at another that has the secret, and at no other', async () => {
    const clock = testClock()
    const [one, other, stranger] = [
      await judge({ nonces: { secret } }, clock),
      await judge({ nonces: { secret } }, clock),
      await judge({ nonces: true }, clock),
    ]
    const nonce = (await one.refuses(await one.proof())).headers['dpop-nonce'] ?? ''
    await other.accepts(await other.proof({ nonce }))
    const { headers } = await stranger.refuses(await stranger.proof({ nonce }))
    assert.notEqual(headers['dpop-nonce'], nonce)
  })

  test('a client that takes the new one each time it is given one is never refused twice', async () => {
    const server = await judge({ nonces: { period: 30 } })
    let nonce = ''
    let refusals = 0
    for (let second = 0; second < 300; second += 10) {
      server.clock.advance(10_000)
      const proof = await server.proof({ nonce })
      const taken = await server.proofs.check(proof, server.bound, server.clock).then(
        () => true,
        () => false,
      )
      if (taken) continue
      refusals++
      nonce = (await server.refuses(proof)).headers['dpop-nonce'] ?? ''
      await server.accepts(await server.proof({ nonce }))
    }
    assert.ok(refusals >= 5 && refusals <= 11, `${refusals}`)
  })

  test('are given out to whoever is refused for want of one, and for nothing else', async () => {
    const server = await judge({ nonces: true })
    assert.deepEqual((await server.refuses(await server.proof({ method: 'GET' }))).headers, {})
    assert.deepEqual((await server.refuses('nonsense')).headers, {})
    assert.ok('dpop-nonce' in (await server.refuses(await server.proof())).headers)
  })
})
