import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  audit,
  authorize,
  type Call,
  delegated,
  delegator,
  guard,
  jwt,
  type Known,
  plainText,
  policySet,
  revocationList,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, testClock, testIssuer } from '../../src/testing/index.ts'
import { assertRejects } from './refusals.ts'

const files = 'https://files.example'
const { privateKey } = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])) as CryptoKeyPair
const key = { ...(await crypto.subtle.exportKey('jwk', privateKey)), kid: 'bot-1', alg: 'ES256' }

const rules = [
  { id: 'tasks', effect: 'permit', action: 'task' },
  { id: 'readers', effect: 'permit', action: 'read', when: { 'subject.scopes': { contains: 'read' } } },
  { id: 'writers', effect: 'permit', action: 'write', when: { 'subject.scopes': { contains: 'write' } } },
  { id: 'analysts', effect: 'permit', action: 'report', subject: { roles: 'analyst' } },
]
const operation = (action: string) => ({ action, resource: { type: 'file', id: 'f' }, codec: plainText })

/** An agent that hands what it was given on to a sub-agent, in another service with a guard of its own. */
function scene() {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const revocation = revocationList({ clock })
  const log = recordingLog()
  const maker = delegator({ issuer: 'https://bot.example', key, clock })
  const own = guard({ name: 'bot', clock, onError: () => {} })
    .use(audit({ log: recordingLog() }))
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, clock })], revocation }))
    .use(authorize({ evaluator: policySet({ id: 'p', version: '1', rules }) }))
  const verifier = delegated({ issuer: 'https://bot.example', subjectsOf: issuer.issuer, audience: files, keys: maker.jwks, clock })
  const theirs = guard({ name: 'files', clock, onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [verifier], revocation }))
    .use(authorize({ evaluator: policySet({ id: 'p', version: '1', rules }) }))
  const seen: string[] = []
  const run = (action: string) =>
    theirs.protect(async (input: string, call) => {
      // Others are between the beginning of a call and its end.
      for (let turns = 0; turns < input.length % 4; turns++) await new Promise((resolve) => setTimeout(resolve, 0))
      seen.push(`${call.identity.subject}: ${input}`)
      return call.identity.subject
    }, operation(action))
  const asks = { read: run('read'), write: run('write'), report: run('report') }
  /** Does something within a call of somebody. */
  const within = async <T>(claims: object, task: (call: Call & Pick<Known, 'identity'>) => Promise<T>, expiresIn = 300): Promise<T> => {
    const results: T[] = []
    const protectedTask = own.protect(async (_input: string, call) => {
      results.push(await task(call))
      return ''
    }, operation('task'))
    await protectedTask('go', { credentials: await issuer.bearer({ sub: 'ada', scope: 'read write', roles: ['analyst'], ...claims }, { expiresIn }) })
    const [result] = results
    assert.ok(result !== undefined)
    return result
  }
  const mint = (more: object = {}, claims: object = {}, expiresIn?: number): Promise<string> =>
    within(claims, (call) => maker.delegate(call, { scopes: 'read', ttl: 60, audience: files, ...more }), expiresIn)
  return { clock, issuer, revocation, log, maker, asks, seen, within, mint }
}

const bearer = (token: string) => ({ credentials: { authorization: `Bearer ${token}` } })

describe('A6: a delegated token', () => {
  test('is narrower than its parent, and its own: neither more scopes, nor roles that were not handed on', async () => {
    const { asks, mint, log } = scene()
    const token = await mint({}, { jti: 'token-1' })
    assert.equal(await asks.read('x', bearer(token)), 'ada')
    await assertRejects(asks.write('x', bearer(token)), 'denied')
    await assertRejects(asks.report('x', bearer(token)), 'denied')
    const [record] = log.entries
    assert.ok(record?.kind === 'decision' && record.allowed)
    assert.deepEqual(
      record.subject?.actors?.map(({ subject }) => subject),
      ['bot'],
    )
  })

  test('cannot be had for what its parent has not, nor for longer', async () => {
    const { mint, clock, asks } = scene()
    await assertRejects(mint({ scopes: 'admin' }), 'denied')
    await assertRejects(mint({ roles: 'root' }), 'denied')
    const token = await mint({ ttl: 600 }, {}, 30)
    assert.equal(await asks.read('x', bearer(token)), 'ada')
    clock.advance(30_000)
    await assertRejects(asks.read('x', bearer(token)), 'identity_expired')
  })

  test('is refused when its parent is revoked, by whatever of it', async () => {
    for (const target of [{ token: 'token-1' }, { session: 'session-1' }, { subject: 'ada' }] as const) {
      const { asks, mint, revocation, seen } = scene()
      const token = await mint({}, { jti: 'token-1', sid: 'session-1' })
      assert.equal(await asks.read('x', bearer(token)), 'ada')
      await revocation.revoke(target)
      await assertRejects(asks.read('x', bearer(token)), 'identity_revoked')
      assert.equal(seen.length, 1)
    }
  })

  test('is for one audience, by one maker, with one key', async () => {
    const { asks, mint, issuer } = scene()
    const [header = '', payload = '', signature = ''] = (await mint()).split('.')
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    const foreign = await mint({ audience: 'https://other.example' })
    const forged = `${header}.${payload}.${flipped}`
    await assertRejects(asks.read('x', bearer(foreign)), 'identity_invalid')
    await assertRejects(asks.read('x', bearer(forged)), 'identity_invalid')
    // The issuer of the parent is no maker of such tokens.
    await assertRejects(asks.read('x', bearer(await issuer.mint({ sub: 'ada', scope: 'read', act: { sub: 'bot' } }))), 'identity_invalid')
  })
})

describe('A5: many interleaved delegated calls', () => {
  test('never see who is behind another', async () => {
    const { asks, mint, log } = scene()
    const callers = Array.from({ length: 25 }, (_, index) => `caller-${index}`)
    const tokens = await Promise.all(callers.map((sub) => mint({}, { sub })))
    const calls = Array.from({ length: 1_000 }, (_, index) => index)
    const answers = await Promise.all(calls.map((index) => asks.read(`call ${index}`, bearer(tokens[(index * 7) % 25] ?? ''))))
    for (const index of calls) assert.equal(answers[index], callers[(index * 7) % 25])
    const subjects = new Map<string, Set<string | undefined>>()
    for (const record of log.entries)
      if (record.kind === 'decision' || record.kind === 'outcome')
        subjects.set(record.id, (subjects.get(record.id) ?? new Set()).add(record.subject?.subject))
    assert.equal(subjects.size, 1_000)
    assert.ok([...subjects.values()].every((names) => names.size === 1))
  })
})
