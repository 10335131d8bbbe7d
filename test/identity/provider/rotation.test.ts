import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { jwt } from '../../../src/identity/jwt.ts'
import { discoveredKeys } from '../../../src/keys/discovered-keys.ts'
import { settled } from '../../keys/jwks-server.ts'
import { call, guardedApi, refusal, streamed } from './guarded-api.ts'
import { movingClock } from './moving-clock.ts'
import { firstKey, openIdProvider, signingKey } from './provider.ts'
import { clients } from './provider-clients.ts'
import { serviceToken } from './tokens.ts'

/** Seconds. */
const cooldown = 30
const maxAge = 600
const secondKey = await signingKey('access-2')

/** A server over plain HTTP on this machine, and tokens that were signed with the first key and have come before. */
async function scene(t: TestContext) {
  const provider = await openIdProvider(t)
  const { issuer, fetch } = provider
  const clock = movingClock()
  const api = await guardedApi(t, provider, {
    secure: false,
    clock,
    verifiers: (audience) => jwt({ issuer, audience, keys: discoveredKeys({ issuer, fetch, cooldown, maxAge }) }),
  })
  await provider.protect(api.resource, 'jwt')
  const tokens = (count: number): Promise<readonly string[]> =>
    Promise.all(Array.from({ length: count }, async () => (await serviceToken(provider, clients.agent, api.resource)).access_token))
  /** Calls as often, with these tokens in turn. Gives the status of each. */
  const load = (calls: number, of: readonly string[]): Promise<readonly number[]> =>
    Promise.all(
      Array.from({ length: calls }, async (_, index) => {
        const answer = await globalThis.fetch(api.resource, {
          method: 'POST',
          headers: { authorization: `Bearer ${of[index % of.length]}`, 'content-type': 'text/plain' },
          body: 'hello',
        })
        await answer.text()
        return answer.status
      }),
    )
  const before = await tokens(5)
  assert.deepEqual(only(await load(5, before)), [200])
  assert.equal(provider.keysAsked, 1)
  return { provider, clock, api, tokens, load, before }
}

function only(statuses: readonly number[]): readonly number[] {
  return [...new Set(statuses)].sort()
}

/** The same token with another `kid`, as anybody can write one. */
function withKey(token: string, kid: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid })).toString('base64url')
  return `${header}${token.slice(token.indexOf('.'))}`
}

describe('keys of a real provider that are rotated under load', () => {
  test('of hundreds of calls at once none is refused, for one fetch, and those of known keys do not wait', async (t) => {
    const { provider, clock, api, tokens, load, before } = await scene(t)
    clock.advance(cooldown)
    provider.rotate(secondKey, firstKey)
    const after = await tokens(5)
    let release = (_: boolean): void => {}
    const held = new Promise<boolean>((resolve) => (release = resolve))
    provider.beforeKeys = () => held
    const fresh = load(150, after)
    assert.deepEqual(only(await load(150, before)), [200])
    await settled(() => api.open === 150 && provider.keysAsked === 2)
    assert.equal(api.callers.length, 155)
    release(true)
    assert.deepEqual(only(await fresh), [200])
    assert.deepEqual(only(await load(100, [...before, ...after])), [200])
    assert.equal(provider.keysAsked, 2)
  })

  test('a key that was published before it signs costs no call a fetch', async (t) => {
    const { provider, clock, tokens, load, before } = await scene(t)
    provider.rotate(firstKey, secondKey)
    clock.advance(maxAge + 1)
    assert.deepEqual(only(await load(20, before)), [200])
    assert.equal(provider.keysAsked, 2)
    provider.rotate(secondKey, firstKey)
    assert.deepEqual(only(await load(200, [...(await tokens(5)), ...before])), [200])
    assert.equal(provider.keysAsked, 2)
  })

  test('a flood of made-up keys costs at most one fetch in a cool-down, and no caller anything', async (t) => {
    const { provider, clock, tokens, load, before } = await scene(t)
    const flood = before.flatMap((token, index) => Array.from({ length: 20 }, (_, more) => withKey(token, `made-up-${index}-${more}`)))
    const both = async (): Promise<void> => {
      const [theirs, own] = await Promise.all([load(100, flood), load(100, before)])
      assert.deepEqual([only(theirs), only(own)], [[401], [200]])
    }
    await both()
    assert.equal(provider.keysAsked, 1)
    clock.advance(cooldown)
    await both()
    await both()
    assert.equal(provider.keysAsked, 2)
    // And not the time that a real rotation may take.
    clock.advance(cooldown)
    provider.rotate(secondKey, firstKey)
    const after = await tokens(5)
    const [theirs, own] = await Promise.all([load(100, flood), load(100, [...after, ...before])])
    assert.deepEqual([only(theirs), only(own)], [[401], [200]])
    assert.equal(provider.keysAsked, 3)
  })

  test('a key that is gone lets none in once the keys were fetched again', async (t) => {
    const { provider, clock, api, tokens, load, before } = await scene(t)
    provider.rotate(secondKey)
    const after = await tokens(5)
    // Trusted that long without asking.
    assert.deepEqual(only(await load(20, before)), [200])
    assert.equal(provider.keysAsked, 1)
    clock.advance(maxAge + 1)
    const [old, fresh] = await Promise.all([load(50, before), load(50, after)])
    assert.deepEqual([only(old), only(fresh)], [[401], [200]])
    assert.equal(provider.keysAsked, 2)
    const refused = await refusal(call(api, before[0] ?? ''))
    assert.deepEqual([refused.code, refused.errors], ['identity_invalid', { bearer: 'invalid_token' }])
  })

  test('and ends the streams that its tokens have begun', async (t) => {
    const { provider, clock, api, before } = await scene(t)
    const { end } = await streamed(await call(api, before[0] ?? '', { input: 'stream' }))
    provider.rotate(secondKey)
    clock.advance(maxAge + 1)
    const code = await end
    assert.match(code, /^identity_/)
    const last = api.log.entries.findLast((entry) => entry.kind === 'outcome')
    assert.deepEqual([last?.streamed, last?.ending, last?.code], [true, 'refused', code])
  })

  test('as revoked', async (t) => {
    const { provider, clock, api, before } = await scene(t)
    const { end } = await streamed(await call(api, before[0] ?? '', { input: 'stream' }))
    provider.rotate(secondKey)
    clock.advance(maxAge + 1)
    assert.equal(await end, 'identity_revoked')
  })

  test('a provider that comes back with another key of the same name is another key', async (t) => {
    const { provider, clock, tokens, load, before } = await scene(t)
    provider.rotate(await signingKey('access-1'))
    const after = await tokens(5)
    clock.advance(maxAge + 1)
    const [old, fresh] = await Promise.all([load(20, before), load(20, after)])
    assert.deepEqual([only(old), only(fresh)], [[401], [200]])
  })

  test('while its keys cannot be fetched nobody is called an impostor, and who is known goes on', async (t) => {
    const { provider, clock, tokens, load, before } = await scene(t)
    clock.advance(cooldown)
    provider.rotate(secondKey, firstKey)
    const after = await tokens(5)
    provider.beforeKeys = () => false
    const [old, fresh] = await Promise.all([load(100, before), load(100, after)])
    assert.deepEqual([only(old), only(fresh)], [[200], [503]])
    assert.equal(provider.keysAsked, 2)
    provider.beforeKeys = () => true
    clock.advance(cooldown)
    // One finds out that it is back, and nobody waits meanwhile.
    assert.deepEqual(await load(1, after), [200])
    assert.deepEqual(only(await load(100, [...before, ...after])), [200])
    assert.equal(provider.keysAsked, 3)
  })
})
