import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import {
  audit,
  type AuditLog,
  authorize,
  detectors,
  encryptPayload,
  guard,
  type GuardErrorCode,
  guardHandler,
  jwt,
  type AgreementKeys,
  type KeySource,
  type LimitStore,
  localJwks,
  localKeys,
  maskData,
  memoryLimits,
  memoryLog,
  memoryReplay,
  memoryState,
  policySet,
  rateLimit,
  type ReplayMemory,
  revocationList,
  sealRequest,
  type StateStore,
  verifyIdentity,
} from '../../src/index.ts'
import { type TestClock, testClock } from '../../src/testing/index.ts'
import { chatRequest, chunksOf, completion, partsIn } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { openRefusal } from './sealed-refusals.ts'
import { address, post } from './served.ts'
import { analyst, chat, issuer, policy } from './whole-guard.ts'

const secret = 'postgres://admin:hunter2@10.0.0.9'

/** How a dependency can be down. */
const ways: Readonly<Record<string, () => never>> = {
  throws: () => {
    throw new Error(secret)
  },
  rejects: () => Promise.reject(new Error(secret)) as never,
  'throws nothing': () => {
    throw undefined
  },
  hangs: () => new Promise(() => {}) as never,
  'answers nonsense': () => Symbol('nonsense') as never,
}

/** What the whole chain leans on. */
interface Dependencies {
  log: AuditLog
  evaluator: { evaluate(...args: never[]): unknown }
  store: LimitStore
  keys: KeySource
  replay: ReplayMemory
  state: StateStore
  provider: AgreementKeys
}

type Named = { [Name in keyof Dependencies]: (own: Dependencies[Name], how: () => never) => Dependencies[Name] }

const down: Named = {
  log: (_own, how) => ({ append: how, checkpoint: how, prove: how, close: async () => {}, describe: () => ({}) }),
  evaluator: (_own, how) => ({ evaluate: how }),
  store: (_own, how) => ({ reserve: how }),
  keys: (own, how) => ({ find: how, trusts: () => false, describe: own.describe }),
  replay: (_own, how) => ({ add: how }),
  state: (_own, how) => ({ add: how, set: how, get: how, delete: how, subscribe: () => () => {}, describe: () => ({}) }),
  provider: (own, how) => ({ ...own, decryptionKey: how }),
}

const codes: Readonly<Record<keyof Dependencies, readonly GuardErrorCode[]>> = {
  log: ['audit_unavailable'],
  evaluator: ['policy_unavailable'],
  store: ['limits_unavailable'],
  keys: ['keys_unavailable'],
  replay: ['limits_unavailable', 'replayed'],
  state: ['keys_unavailable', 'identity_revoked'],
  provider: ['keys_unavailable', 'decryption_failed'],
}

/** What a promise gives. Time passes only where something hangs: elsewhere nothing may need it to. */
async function inTime<T>(clock: TestClock, promise: Promise<T>, hangs: boolean): Promise<T> {
  if (!hangs) return promise
  let isOver = false
  const watched = promise.finally(() => (isOver = true))
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(100)
  }
  return watched
}

async function scene(breaking?: keyof Dependencies, how: () => never = ways.throws as () => never, optOut = false) {
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
  const provider = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
  const [publicKey] = (await provider.publicKeys()).keys
  assert.ok(publicKey)
  const log = memoryLog()
  const own: Dependencies = {
    log,
    evaluator: policySet(policy),
    store: memoryLimits(),
    keys: localJwks(issuer.jwks),
    replay: memoryReplay(),
    state: memoryState(),
    provider,
  }
  if (breaking !== undefined) Object.assign(own, { [breaking]: down[breaking](own[breaking] as never, how) })
  const clock = testClock(Date.now())
  const base = guard({ name: 'conformance', clock, onError: () => {}, deadline: 10_000 })
    .use(audit({ log: own.log, onError: () => {}, onFailure: optOut ? 'degrade' : 'refuse' }))
    .use(
      verifyIdentity({
        verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: own.keys })],
        revocation: revocationList({ store: own.state }),
      }),
    )
    .use(encryptPayload({ keys: own.provider, direction: 'both', origin: 'https://api.example', replay: own.replay }))
    .use(
      rateLimit({
        store: own.store,
        limits: { name: 'minute', per: (call) => call.identity.key, requests: 100, window: 60 },
        onStoreFailure: optOut ? { local: 0.5 } : 'refuse',
      }),
    )
    .use(authorize({ evaluator: own.evaluator as never }))
    .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))
  let ran = 0
  const handler = guardHandler(
    base,
    chat,
    (_request, call) => {
      ran++
      if (call.input.stream !== true) return completion('good day')
      return (async function* () {
        yield* chunksOf(['good ', 'day'])
      })()
    },
    { origin: 'https://api.example' },
  )
  const { authorization } = await analyst()
  const ask = async (stream = false): Promise<Response> => {
    const credential = authorization.slice('Bearer '.length)
    const sealed = await sealRequest(JSON.stringify(chatRequest('my own words', { stream })), { publicKey, credential, url: address })
    const answer = await inTime(clock, handler(post(sealed.body, { authorization, 'content-type': sealed.contentType })), how === ways.hangs)
    return openRefusal(answer, sealed.replyKey)
  }
  return { ask, log, ran: () => ran }
}

describe('A28: each dependency down in turn', () => {
  test('with all of them up the call goes through', async () => {
    const { ask, ran } = await scene()
    assert.equal((await ask()).status, 200)
    assert.equal(ran(), 1)
  })

  for (const name of Object.keys(down) as (keyof Dependencies)[])
    test(`${name}: refused, and the model does not run`, async () => {
      for (const [way, how] of Object.entries(ways)) {
        const { ask, ran } = await scene(name, how)
        const response = await ask()
        assert.ok(response.status >= 400, `${name} ${way}: ${response.status}, and the model ran ${ran()} times`)
        const { code } = (await response.clone().json()) as { code: GuardErrorCode }
        const expected: readonly GuardErrorCode[] =
          way === 'hangs'
            ? [...codes[name], 'deadline_exceeded']
            : [...codes[name], ...(way === 'answers nonsense' ? (['misconfigured'] as const) : [])]
        assert.ok(expected.includes(code), `${name} ${way}: ${code}`)
        await assertRefused(response, code, [secret, 'hunter2', 'my own words'])
        assert.equal(ran(), 0, `${name} ${way}`)
      }
    })

  test('a source of keys that promises to say no is not taken to have said yes', async () => {
    const own = localJwks(issuer.jwks)
    for (const trusts of [() => Promise.resolve(false), () => Promise.reject(new Error(secret)), () => 'no', () => ({}), () => undefined]) {
      let withdrawn = false
      const keys: KeySource = {
        find: (query, clock) => (withdrawn ? undefined : own.find(query, clock)),
        trusts: trusts as never,
        describe: () => ({}),
      }
      const base = guard({ onError: () => {} })
        .use(audit({ log: memoryLog() }))
        .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys })] }))
        .use(authorize({ evaluator: policySet(policy) }))
      let ran = 0
      const handler = guardHandler(base, chat, () => completion(String(++ran)))
      const credentials = await analyst()
      assert.equal((await handler(post(chatRequest('x'), credentials))).status, 200)
      withdrawn = true
      const response = await handler(post(chatRequest('x'), credentials))
      assert.ok(response.status >= 400, `the key was withdrawn, and ${String(trusts)} let the token in`)
      assert.equal(ran, 1)
    }
  })

  test('the log and the store of limits, opted out of by name: the model runs once', async () => {
    for (const name of ['log', 'store'] as const)
      for (const way of ['throws', 'rejects'] as const) {
        const { ask, ran, log } = await scene(name, ways[way], true)
        assert.equal((await ask()).status, 200, `${name} ${way}`)
        assert.equal(ran(), 1)
        if (name === 'store') assert.equal(log.entries.length, 2)
      }
    for (const option of ['ignore', 'continue', 'open', true, 0])
      assert.throws(() => audit({ log: memoryLog(), onFailure: option as never }), TypeError)
  })

  test('opting out of one is no way around another', async () => {
    for (const name of ['evaluator', 'keys', 'replay', 'state', 'provider'] as const) {
      const { ask, ran } = await scene(name, ways.throws, true)
      assert.ok((await ask()).status >= 400, name)
      assert.equal(ran(), 0)
    }
  })

  test('a log that fails at the outcome: the answer is not released, and the model ran once', async () => {
    for (const stream of [false, true]) {
      const log = memoryLog()
      let appends = 0
      const failing: AuditLog = {
        ...log,
        append: (record) => (++appends > 1 ? Promise.reject(new Error(secret)) : log.append(record)),
        checkpoint: () => log.checkpoint(),
        describe: () => ({}),
        close: () => log.close(),
        prove: (index) => log.prove(index),
      }
      const base = guard({ onError: () => {} })
        .use(audit({ log: failing, onError: () => {} }))
        .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
        .use(authorize({ evaluator: policySet(policy) }))
      let ran = 0
      const handler = guardHandler(base, chat, () => {
        ran++
        return stream
          ? (async function* () {
              yield* chunksOf(['good ', 'day'])
            })()
          : completion('good day')
      })
      const response = await handler(post(chatRequest('x', { stream }), await analyst()))
      if (!stream) await assertRefused(response, 'audit_unavailable', [secret, 'good day'])
      else {
        // What was delivered was delivered; but nobody is told that it was all.
        const text = await response.text()
        const { isWhole, parts } = partsIn(text)
        assert.equal(isWhole, false)
        assert.match(JSON.stringify(parts.at(-1)), /audit_unavailable/)
        assert.ok(!text.includes(secret))
      }
      assert.equal(ran, 1)
    }
  })

  test('a detector that fails: refused on the way in, cut on the way out', async () => {
    for (const find of [
      ways.throws as () => never,
      () => null as never,
      () => [{ start: -5, end: 9e9 }],
      () => [{ start: 0, end: Number.NaN }],
      () => 'x' as never,
    ]) {
      let isAnswer = false
      const own = { type: 'OWN', maxLength: 10, find: (text: string) => (isAnswer === text.includes('good') ? find() : []) }
      const base = guard({ onError: () => {} })
        .use(audit({ log: memoryLog() }))
        .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
        .use(authorize({ evaluator: policySet(policy) }))
        .use(maskData({ detect: [own, detectors.email], mode: 'redact', direction: 'both' }))
      let ran = 0
      const handler = guardHandler(base, chat, () => {
        ran++
        return completion('good day')
      })
      await assertRefused(await handler(post(chatRequest('my own words'), await analyst())), 'misconfigured', [secret, 'my own words'])
      assert.equal(ran, 0)
      isAnswer = true
      await assertRefused(await handler(post(chatRequest('hello'), await analyst())), 'misconfigured', [secret, 'good day'])
      assert.equal(ran, 1)
    }
  })

  test('a sink that is down holds nobody up, and an error handler that throws harms nobody', async () => {
    const sinks = [
      { name: 'down', deliver: ways.rejects as () => never },
      { name: 'hangs', deliver: ways.hangs as () => never },
    ]
    const log = memoryLog()
    const base = guard({ onError: ways.throws as () => never })
      .use(audit({ log, sinks, onError: ways.throws as () => never }))
      .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
      .use(authorize({ evaluator: policySet(policy) }))
    let ran = 0
    const handler = guardHandler(base, chat, () => completion(String(++ran)))
    for (let call = 0; call < 3; call++) assert.equal((await handler(post(chatRequest('x'), await analyst()))).status, 200)
    assert.equal(ran, 3)
    assert.equal(log.entries.length, 6)
  })
})
