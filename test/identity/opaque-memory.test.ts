import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Identity } from '../../src/guard/context.ts'
import type { GuardError, GuardErrorCode } from '../../src/guard/errors.ts'
import { voucherOf } from '../../src/identity/make-identity.ts'
import { opaque, type OpaqueOptions } from '../../src/identity/opaque.ts'
import type { Verifier } from '../../src/identity/verifier.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { heldMemory } from '../keys/held-memory.ts'
import { type IntrospectionServer, introspectionServer } from './introspection-server.ts'

let clock: TestClock
let server: IntrospectionServer
let verifier: Verifier

const made = (options: Partial<OpaqueOptions> = {}): Verifier =>
  opaque({ issuer: server.issuer, introspection: server.url, client: server.client, clock, ...options })
const verify = (token: string, by = verifier): Promise<Identity> => by.verify({ authorization: `Bearer ${token}` })
const refused = (token: string, code: GuardErrorCode, by = verifier): Promise<void> => assert.rejects(verify(token, by), { code })
const still = async (identity: Identity): Promise<void> => voucherOf(identity).still?.(clock)

beforeEach(async (context) => {
  clock = testClock()
  server = await introspectionServer(context as TestContext, clock)
  verifier = made()
})
afterEach(() => assert.deepEqual(server.complaints, []))

/** Lets what runs in the background come to its end, over a real socket. */
async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition() && waited < 2_000; waited += 5) await sleep(5)
  assert.ok(condition())
}

describe('what opaque remembers', () => {
  test('a good answer for as long as it is told to, and no longer', async () => {
    const token = server.issue()
    const identity = await verify(token)
    clock.advance(4_999)
    assert.equal(await verify(token), identity)
    assert.equal(server.asked.length, 1)
    server.revoke(token)
    clock.advance(1)
    await refused(token, 'identity_invalid')
    assert.equal(server.asked.length, 2)
  })

  test('nothing where it is told so: each call asks', async () => {
    const own = made({ cache: 0 })
    const token = server.issue()
    await verify(token, own)
    await verify(token, own)
    assert.equal(server.asked.length, 2)
    server.revoke(token)
    await refused(token, 'identity_invalid', own)
    await refused(token, 'identity_invalid', own)
    assert.equal(server.asked.length, 4)
  })

  test('one identity for one answer, also when it was asked again, and another for another', async () => {
    const token = server.issue({ scope: 'read' })
    const identity = await verify(token)
    clock.advance(5_000)
    server.change(token, { scope: 'read', iat: identity.claims.iat, exp: identity.claims.exp })
    assert.equal(await verify(token), identity)
    assert.equal(server.asked.length, 2)
    clock.advance(5_000)
    server.change(token, { scope: 'read write', iat: identity.claims.iat, exp: identity.claims.exp })
    const other = await verify(token)
    assert.notEqual(other, identity)
    assert.deepEqual(other.scopes, ['read', 'write'])
  })

  test('an answer until the token expires at most, and that it has expired', async () => {
    const own = made({ cache: 600 })
    const token = server.issue({ exp: clock.now() / 1000 + 60 })
    await verify(token, own)
    clock.advance(59_999)
    await verify(token, own)
    clock.advance(1)
    await refused(token, 'identity_expired', own)
    assert.equal(server.asked.length, 1)
    server.revoke(token)
    clock.advance(600_000)
    await refused(token, 'identity_expired', own)
    assert.equal(server.asked.length, 2)
  })

  test('a wall clock that is set back makes no answer last longer', async () => {
    const token = server.issue()
    await verify(token)
    clock.advance(5_000)
    clock.set(clock.now() - 5_000)
    server.revoke(token)
    await refused(token, 'identity_invalid')
  })

  test('a bad answer as long, with what it was refused with', async () => {
    const bad = [
      ['A'.repeat(20), 'identity_invalid'],
      [server.issue({ exp: 1 }), 'identity_expired'],
      [server.issue({ cnf: {} }), 'binding_invalid'],
    ] as const
    for (let count = 0; count < 3; count++) for (const [token, code] of bad) await refused(token, code)
    assert.equal(server.asked.length, 3)
    clock.advance(5_000)
    for (const [token, code] of bad) await refused(token, code)
    assert.equal(server.asked.length, 6)
  })

  test('that a token is bad no longer than it is', async () => {
    const token = server.issue({ active: false })
    await refused(token, 'identity_invalid')
    clock.advance(5_000)
    server.change(token, {})
    await verify(token)
    server.revoke(token)
    await verify(token)
    clock.advance(5_000)
    await refused(token, 'identity_invalid')
  })

  test('one token’s answer for that token alone', async () => {
    const tokens = Array.from({ length: 40 }, (_, index) => ({ token: server.issue({ sub: `user-${index}` }), subject: `user-${index}` }))
    const found = await Promise.all([...tokens, ...tokens].map(async ({ token, subject }) => [(await verify(token)).subject, subject] as const))
    for (const [subject, wanted] of found) assert.equal(subject, wanted)
    assert.equal(server.asked.length, 40)
    // Case matters, and so does every character.
    const [first] = tokens
    await refused((first?.token ?? '').slice(0, -1), 'identity_invalid')
  })

  test('so many tokens and no more', async () => {
    const own = made({ maxCached: 3 })
    const tokens = Array.from({ length: 4 }, () => server.issue())
    for (const token of tokens) await verify(token, own)
    await verify(tokens[3] ?? '', own)
    assert.equal(server.asked.length, 4)
    await verify(tokens[0] ?? '', own)
    assert.equal(server.asked.length, 5)
  })
})

describe('how opaque asks', () => {
  test('once, however often one token comes at once', async () => {
    const token = server.issue()
    const identities = await Promise.all(Array.from({ length: 50 }, () => verify(token)))
    assert.equal(new Set(identities).size, 1)
    const bad = await Promise.allSettled(Array.from({ length: 50 }, () => verify('B'.repeat(20))))
    assert.ok(bad.every(({ status }) => status === 'rejected'))
    assert.equal(server.asked.length, 2)
  })

  test('with so many questions at once and no more, of which tokens that were good keep a quarter', async () => {
    const own = made({ maxPending: 8, timeout: 60 })
    const known = Array.from({ length: 3 }, () => server.issue())
    for (const token of known) await verify(token, own)
    clock.advance(5_000)
    const waiting: ServerResponse[] = []
    server.instead = (response) => void waiting.push(response)
    const strangers = Array.from({ length: 500 }, (_, index) => verify(`stranger-${String(index).padStart(20, '0')}`, own))
    const settled = Promise.allSettled(strangers)
    await until(() => waiting.length === 6)
    const [first = '', second = '', third = ''] = known
    const mine = Promise.allSettled([verify(first, own), verify(second, own)])
    await until(() => waiting.length === 8)
    await refused(third, 'keys_unavailable', own)
    server.instead = undefined
    for (const response of waiting) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ active: false }))
    const codes = new Map<string, number>()
    for (const outcome of await settled) {
      assert.ok(outcome.status === 'rejected')
      codes.set(outcome.reason.code, (codes.get(outcome.reason.code) ?? 0) + 1)
    }
    assert.deepEqual([...codes].sort(), [
      ['identity_invalid', 6],
      ['keys_unavailable', 494],
    ])
    await mine
    assert.equal(server.asked.length, 3 + 8)
    await verify(server.issue(), own)
  })

  test('and keeps nothing of a flood of distinct bad tokens', async () => {
    // As the server answers, without its socket: thousands of questions over a real one take too long.
    let asked = 0
    const own = made({
      fetch: async () => {
        asked++
        return new Response('{"active":false}', { headers: { 'content-type': 'application/json' } })
      },
    })
    const flood = async (from: number, count: number): Promise<void> => {
      for (let index = from; index < from + count; index++)
        await verify(`${index}${'x'.repeat(500)}`, own).then(
          () => assert.fail(),
          (error: GuardError) => assert.equal(error.code, 'identity_invalid'),
        )
    }
    await flood(0, 3_000)
    const before = await heldMemory()
    await flood(3_000, 9_000)
    assert.equal(asked, 12_000)
    const grown = (await heldMemory()) - before
    assert.ok(grown < 600_000, `${grown} bytes are held of tokens of 4.5 MB`)
    // What is malformed costs nothing at all.
    await refused('x'.repeat(5_000), 'identity_invalid', own)
    assert.equal(asked, 12_000)
  })
})

describe('what opaque vouches for', () => {
  test('as long as the answer is fresh, at once', async () => {
    const identity = await verify(server.issue())
    clock.advance(2_500)
    assert.equal(voucherOf(identity).still?.(clock), undefined)
    assert.equal(server.asked.length, 1)
  })

  test('asks in good time before it is old, so that one answer that fails ends nothing', async () => {
    const identity = await verify(server.issue())
    clock.advance(2_501)
    server.instead = (response) => void response.writeHead(500).end()
    assert.equal(voucherOf(identity).still?.(clock), undefined)
    await until(() => server.asked.length === 2)
    await sleep(20)
    server.instead = undefined
    clock.advance(600)
    assert.equal(voucherOf(identity).still?.(clock), undefined)
    await until(() => server.asked.length === 3)
    await sleep(20)
    clock.advance(4_000)
    assert.equal(voucherOf(identity).still?.(clock), undefined, 'the second answer came')
  })

  test('is over as soon as it was found out, for the next call as well', async () => {
    const token = server.issue()
    const identity = await verify(token)
    server.revoke(token)
    clock.advance(2_501)
    assert.equal(voucherOf(identity).still?.(clock), undefined)
    await until(() => server.asked.length === 2)
    await sleep(20)
    await refused(token, 'identity_invalid')
    await assert.rejects(still(identity), { code: 'identity_revoked' })
    assert.equal(server.asked.length, 2)
  })

  test('is over when the token is no longer active, whoever found it out', async () => {
    const token = server.issue()
    const identity = await verify(token)
    server.revoke(token)
    clock.advance(5_000)
    await assert.rejects(still(identity), { code: 'identity_revoked' })
    await assert.rejects(still(identity), { code: 'identity_revoked' })
    assert.equal(server.asked.length, 2)
    const other = server.issue()
    const mine = await verify(other)
    server.revoke(other)
    clock.advance(5_000)
    await refused(other, 'identity_invalid')
    await assert.rejects(still(mine), { code: 'identity_revoked' })
    assert.equal(server.asked.length, 4)
  })

  test('stands while what was said stands, also by another answer, and falls when a part is taken back', async () => {
    const members = { scope: 'read write', roles: ['analyst'], tenant: 'acme', jti: 'one', acr: 'phr' }
    const changes = [
      [{ last_used: 7 }, true],
      [{ scope: 'write read more' }, true],
      [{ roles: ['analyst', 'reader'] }, true],
      [{ exp: clock.now() / 1000 + 9_000 }, true],
      [{ scope: 'read' }, false],
      [{ scope: undefined }, false],
      [{ roles: [] }, false],
      [{ tenant: 'other' }, false],
      [{ sub: 'bob' }, false],
      [{ act: { sub: 'agent' } }, false],
      [{ acr: undefined }, false],
      [{ jti: 'two' }, false],
      [{ iss: 'https://evil.example' }, false],
      [{ aud: 'https://other.example' }, false],
      [{ cnf: { 'x5t#S256': 'A'.repeat(43) } }, false],
      [{ token_type: undefined }, false],
    ] as const
    for (const [change, stands] of changes) {
      const token = server.issue(members)
      const identity = await verify(token)
      clock.advance(5_000)
      server.change(token, { ...members, ...change })
      if (stands) await still(identity)
      else await assert.rejects(still(identity), { code: 'identity_revoked' }, JSON.stringify(change))
      // Also for whoever looks when the new answer is there already.
      if (stands) await still(identity)
      else await assert.rejects(still(identity), { code: 'identity_revoked' }, JSON.stringify(change))
    }
  })

  test('cannot be told while the server does not answer, and then it is no yes', async () => {
    const identity = await verify(server.issue())
    server.instead = (response) => void response.writeHead(503).end()
    clock.advance(5_000)
    await assert.rejects(still(identity), { code: 'keys_unavailable' })
    await assert.rejects(still(identity), { code: 'keys_unavailable' })
    assert.equal(server.asked.length, 2)
    server.instead = undefined
    clock.advance(500)
    await still(identity)
  })

  test('without a memory asks again, but not for the look that follows an admission at once', async () => {
    const own = made({ cache: 0 })
    const token = server.issue()
    const identity = await verify(token, own)
    await still(identity)
    assert.equal(server.asked.length, 1)
    clock.advance(100)
    await still(identity)
    assert.equal(server.asked.length, 2)
    server.revoke(token)
    clock.advance(100)
    await assert.rejects(still(identity), { code: 'identity_revoked' })
  })

  test('stands for a token that was forgotten, by asking', async () => {
    const own = made({ maxCached: 1 })
    const token = server.issue()
    const identity = await verify(token, own)
    await verify(server.issue(), own)
    await still(identity)
    assert.equal(server.asked.length, 3)
    server.revoke(token)
    clock.advance(5_000)
    await assert.rejects(still(identity), { code: 'identity_revoked' })
  })
})
