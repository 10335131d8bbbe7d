import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { discoveredKeys } from '../../src/keys/discovered-keys.ts'
import type { KeySource, VerificationKey } from '../../src/keys/key-source.ts'
import { remoteJwks } from '../../src/keys/remote-jwks.ts'
import { spiffeBundle } from '../../src/keys/spiffe-bundle.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { heldMemory } from './held-memory.ts'
import { type JwksServer, jwksServer, pour, settled } from './jwks-server.ts'

const unavailable = { code: 'keys_unavailable', status: 503 }

const sources: Readonly<Record<string, (server: JwksServer) => KeySource>> = {
  remoteJwks: ({ url }) => remoteJwks(url),
  discoveredKeys: ({ url }) => discoveredKeys({ issuer: url.origin }),
  spiffeBundle: ({ url }) => spiffeBundle(url),
}

const outages: Readonly<Record<string, JwksServer['answer']>> = {
  'answers 503': (response) => void response.writeHead(503, { 'retry-after': '1' }).end('busy'),
  hangs: () => {},
  'serves 40 MB': (response) => {
    response.writeHead(200, { 'content-length': String(40_000_000) })
    pour(response)
  },
}

// All of them fetch by the same code: it is tried in every way once, and what is around it in one or two.
const tried: Readonly<Record<string, readonly string[]>> = {
  remoteJwks: ['answers 503', 'hangs', 'serves 40 MB'],
  discoveredKeys: ['answers 503', 'hangs'],
  spiffeBundle: ['serves 40 MB'],
}

interface Scene {
  readonly clock: TestClock
  readonly source: KeySource
  readonly key: VerificationKey
  /** When the issuer was asked since it failed. */
  readonly times: readonly number[]
  find(id: string): Promise<VerificationKey | undefined>
  /** One step of time, and what it sets going on the loopback. */
  step(milliseconds: number): Promise<void>
}

/** A source whose set is five minutes old and wants to be fetched again, and an issuer that fails from now on. */
async function scene(context: TestContext, kind: string, outage: string): Promise<Scene> {
  const clock = testClock()
  const issuer = testIssuer()
  const server = await jwksServer(context, () => undefined)
  const use = kind === 'spiffeBundle' ? 'jwt-svid' : 'sig'
  server.answer = (response, { url }) => {
    const metadata = { issuer: server.url.origin, jwks_uri: server.url.href }
    response.end(JSON.stringify(url === '/jwks' ? { keys: issuer.jwks.keys.map((key) => ({ ...key, use })) } : metadata))
  }
  const source = sources[kind]?.(server)
  assert.ok(source !== undefined)
  const find = async (id: string): Promise<VerificationKey | undefined> => await source.find({ algorithm: 'ES256', id }, clock)
  const key = await find('test-1')
  assert.ok(key !== undefined)
  clock.advance(300_000)
  const times: number[] = []
  server.answer = (response, request) => {
    times.push(clock.monotonic())
    outages[outage]?.(response, request)
  }
  let isAsking = false
  const step = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds)
    const asked = times.length
    source.trusts(key, clock)
    // A timer waits for each fetch that is under way.
    if (clock.pending > 0 && !isAsking) await settled(() => times.length > asked)
    if (outage !== 'hangs') await settled(() => clock.pending === 0)
    isAsking = clock.pending > 0
  }
  return { clock, source, key, times, find, step }
}

describe('an outage of ten minutes', () => {
  for (const [kind, ways] of Object.entries(tried))
    for (const outage of ways)
      test(`${kind}, and the issuer ${outage}: no failure for known keys, one fetch a step, nothing held; after the bound 503`, async (context) => {
        const { clock, source, key, times, find, step } = await scene(context, kind, outage)
        let before = 0
        for (let second = 1; second <= 600; second++) {
          await step(1000)
          assert.equal(source.trusts(key, clock), true)
          assert.equal(source.find({ algorithm: 'ES256', id: 'test-1' }, clock), key, 'at once')
          // The first fetches load code and open sockets.
          if (second === 120) before = await heldMemory()
          if (second % 60 === 0) await assert.rejects(find(`made-up-${second}`), unavailable)
        }
        const more = (await heldMemory()) - before
        assert.ok(more < 1_000_000, `${more} bytes more after ten minutes`)
        assert.ok(times.length > 15, 'it is still asked')
        for (const [index, time] of times.entries()) {
          const last = times[index - 1]
          // Half of each step is jitter.
          if (last !== undefined)
            assert.ok(time - last >= Math.min(30_000, 1000 * 2 ** (index - 1)) / 2, `fetch ${index} came after ${time - last} ms`)
        }
        // An hour more than it would be trusted for anyway: 4,200 seconds since the fetch that succeeded.
        while (clock.monotonic() < 4_200_000) await step(30_000)
        assert.equal(await find('test-1'), key)
        await step(1)
        assert.equal(source.trusts(key, clock), false)
        for (let round = 0; round < 3; round++) {
          const asked = times.length
          const calls = Array.from({ length: 50 }, (_, number) => find(number % 2 === 0 ? 'test-1' : `made-up-${number}`))
          const refusals = Promise.all(calls.map((call) => assert.rejects(call, unavailable)))
          for (let second = 0; second < 6; second++) {
            await new Promise((resolve) => setTimeout(resolve, 2))
            clock.advance(1000)
          }
          await refusals
          assert.ok(times.length <= asked + 1, 'a crowd asks once')
        }
      })
})
