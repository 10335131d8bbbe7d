import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { CompactEncrypt, decodeProtectedHeader, importJWK } from 'jose'
import { GuardError, isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { type Clock, type KeyProvider, localKeys, memoryState, sealer, type StateStore } from '../../src/index.ts'
import {
  type Attestation,
  type AttestedWorkload,
  attestedKeys,
  type KeyRelease,
  type KeyRequest,
  nitroAttestation,
  releasePolicy,
  type ReleasePolicyOptions,
  type ReleaseRecipient,
  releaseRecipient,
} from '../../src/attestation/index.ts'
import { testClock, type TestClock } from '../../src/testing/index.ts'
import { type Members, nitroDocument, type NitroPlatform, nitroPlatform, register, registers } from './nitro-documents.ts'

const began = Date.now()
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(48)
const sequence = (from: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: 32 }, (_, index) => index + from)
const keys = localKeys({ primary: 'k1', keys: { k1: sequence(1) } })
const context = { tenant: 'acme' }
const dataKey = sequence(100)

let platform: NitroPlatform
let recipient: ReleaseRecipient
let asked: KeyRequest
let clock: TestClock
before(async () => {
  platform = await nitroPlatform()
  recipient = await releaseRecipient()
  asked = { wrapped: await keys.wrap(dataKey, context), context }
})

const attestation = () => nitroAttestation({ measurements: { PCR0: hex(1) }, root: platform.root.der })
function make(options: Partial<ReleasePolicyOptions> = {}): KeyRelease {
  clock = testClock(began)
  return releasePolicy({ keys, attestation: attestation(), permits: (_, { context: of }) => of.tenant === 'acme', clock, ...options })
}
const evidenceFor = (nonce: string, members: Members = {}, to = recipient): Promise<Uint8Array> =>
  nitroDocument(platform, clock.now(), { nonce: new TextEncoder().encode(nonce), public_key: to.publicKeyInfo, ...members })
async function full(release: KeyRelease, members: Members = {}, of: KeyRequest = asked, to = recipient) {
  const { nonce } = await release.challenge(of)
  return { ...of, nonce, evidence: await evidenceFor(nonce, members, to) }
}

async function refused(releasing: Promise<unknown>, code: string, reason: RegExp = /./): Promise<void> {
  await assert.rejects(releasing, (error: unknown) => {
    assert.ok(isGuardError(error), String(error))
    assert.equal(error.code, code)
    assert.match(reasonOf(error), reason)
    return true
  })
}

const aborted = (signal: AbortSignal | undefined): Promise<void> => new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))

/** A store of several processes, such as one in Redis. */
function sharedState(): StateStore {
  const state = memoryState()
  return {
    add: (key, expiresAt, now) => state.add(key, expiresAt, now),
    set: (key, value, expiresAt, now) => state.set(key, value, expiresAt, now),
    get: (names, now) => state.get(names, now),
    delete: (key) => state.delete(key),
    subscribe: (listener) => state.subscribe(listener),
    describe: () => ({ kind: 'shared' }),
  }
}

describe('a data key is released', () => {
  for (const kind of ['P-256', 'X25519', 'RSA'] as const)
    test(`to the key that was attested (${kind}), as a JWE`, async () => {
      const release = make()
      const own = await releaseRecipient({ kind })
      const request = await full(release, {}, asked, own)
      const jwe = await release.release(request)
      const { alg, enc, kid, typ } = decodeProtectedHeader(jwe)
      assert.deepEqual(
        [alg, enc, kid, typ],
        [kind === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW', 'A256GCM', own.thumbprint, 'sallyport-released-key'],
      )
      assert.deepEqual(await own.open(jwe, request.nonce, asked), dataKey)
    })

  test('so that a workload opens what was sealed for its tenant, and nothing else', async () => {
    const release = make()
    const sealed = await sealer({ keys }).seal({ note: 1 }, context)
    const foreign = await sealer({ keys }).seal({ note: 2 }, { tenant: 'other' })
    let attested = 0
    const own = attestedKeys({
      recipient,
      release,
      attest: (nonce) => {
        attested++
        return evidenceFor(nonce)
      },
    })
    const box = sealer({ keys: own })
    assert.deepEqual(await box.open(sealed, context), { note: 1 })
    assert.deepEqual(await box.open(sealed, context), { note: 1 })
    // Once a data key: the workload keeps it, as every sealer does.
    assert.equal(attested, 1)
    await refused(box.open(foreign, { tenant: 'other' }), 'denied')
    await refused(box.seal({ note: 3 }, context), 'misconfigured', /wrap nothing/)
    assert.deepEqual(own.describe(), { kind: 'attested', thumbprint: recipient.thumbprint })
  })

  test('anew for each workload: nothing of it is kept where it was released', async () => {
    let unwrapped = 0
    const given: Uint8Array[] = []
    const counting: KeyProvider = {
      ...keys,
      unwrap: async (wrapped, of) => {
        unwrapped++
        const key = await keys.unwrap(wrapped, of)
        given.push(key)
        return key
      },
    }
    const release = make({ keys: counting })
    for (const to of [recipient, await releaseRecipient()]) {
      const request = await full(release, {}, asked, to)
      assert.deepEqual(await to.open(await release.release(request), request.nonce, asked), dataKey)
    }
    assert.equal(unwrapped, 2)
    for (const key of given) assert.ok(key.every((byte) => byte === 0))
  })

  test('by another process that shares secret and store, once', async () => {
    const shared = { secret: sequence(7), state: sharedState() }
    const [one, two] = [make({ shared }), make({ shared })]
    const request = await full(one)
    await two.release(request)
    await refused(one.release(request), 'replayed')
  })
})

describe('a data key is not released', () => {
  test('twice for one nonce, whatever comes with it', async () => {
    const release = make()
    const request = await full(release)
    await release.release(request)
    await refused(release.release(request), 'replayed')
    await refused(release.release({ ...request, evidence: await evidenceFor(request.nonce) }), 'replayed')
  })

  test('twice by two processes whose clocks are apart, though their store forgets by a clock of its own', async () => {
    let now = began
    const forgottenAt = new Map<string, number>()
    const state: StateStore = {
      ...sharedState(),
      add: (key, expiresAt, asker) => {
        if ((forgottenAt.get(key) ?? 0) > now) return false
        forgottenAt.set(key, now + expiresAt - asker)
        return true
      },
    }
    const shared = { secret: sequence(7), state }
    const one = make({ shared, clock: testClock(began) })
    const first = clock
    const behind = testClock(began)
    const two = make({ shared, clock: behind })
    clock = first
    const { nonce } = await one.challenge(asked)
    const evidence = await evidenceFor(nonce)
    await one.release({ ...asked, nonce, evidence })
    now += 120_500
    behind.advance(119_000)
    await refused(two.release({ ...asked, nonce, evidence }), 'replayed')
  })

  test('to more than one of many that come at once with one nonce', async () => {
    const release = make()
    const request = await full(release)
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => release.release(request)))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('for a nonce that has expired, of another process, of before a start, made up, or missing', async () => {
    const release = make()
    const request = await full(release)
    clock.advance(120_000)
    await refused(release.release(request), 'identity_expired')
    const other = make()
    await refused(other.release(request), 'identity_invalid', /nonce/)
    for (const nonce of [
      '',
      'n',
      'n'.repeat(72),
      request.nonce.slice(1),
      `${request.nonce}A`,
      `${request.nonce.slice(0, -1)}=`,
      undefined,
      1,
      [request.nonce],
    ])
      await refused(release.release({ ...request, nonce } as typeof request), 'identity_invalid', /nonce/)
  })

  test('for a nonce with any of its characters changed', async () => {
    const release = make()
    const request = await full(release)
    await fc.assert(
      fc.asyncProperty(fc.nat(71), fc.constantFrom(...'AZaz09-_'), async (at, character) => {
        fc.pre(request.nonce[at] !== character)
        const nonce = request.nonce.slice(0, at) + character + request.nonce.slice(at + 1)
        await refused(release.release({ ...request, nonce, evidence: await evidenceFor(nonce) }), 'identity_invalid', /nonce/)
      }),
      { numRuns: 50 },
    )
  })

  test('for a nonce of the future, as when the clock was set back', async () => {
    const release = make()
    const request = await full(release)
    clock.set(began - 60_000)
    await refused(release.release(request), 'identity_expired')
  })

  test('for a nonce of another request: another key, another context', async () => {
    const release = make()
    const { nonce, evidence } = await full(release)
    const { wrapped } = asked
    const other = { wrapped: await keys.wrap(sequence(9), context), context }
    const requests: readonly KeyRequest[] = [
      other,
      { wrapped, context: { tenant: 'other' } },
      { wrapped, context: { tenant: 'acme', subject: '' } },
      { wrapped, context: {} },
      { wrapped: { ...wrapped, version: 'k2' }, context },
      { wrapped: { ...wrapped, id: 'locak' }, context },
      { wrapped: { ...wrapped, bytes: Uint8Array.from([...wrapped.bytes, 0]) }, context },
    ]
    for (const request of requests) await refused(release.release({ ...request, nonce, evidence }), 'identity_invalid', /nonce/)
    await release.release({ ...asked, nonce, evidence })
  })

  test('for old evidence with a new nonce, or for that of another workload', async () => {
    const release = make()
    const { evidence } = await full(release)
    const { nonce } = await release.challenge(asked)
    await refused(release.release({ ...asked, nonce, evidence }), 'identity_invalid', /another nonce/)
  })

  test('to a debugged, another, or unattested workload, and its nonce is not used up by that', async () => {
    const release = make()
    const { nonce, evidence } = await full(release)
    const wrong: readonly (readonly [members: Members, code: string])[] = [
      [{ pcrs: registers({ 0: register(0) }) }, 'denied'],
      [{ pcrs: registers({ 0: register(9) }) }, 'denied'],
      [{ user_data: Uint8Array.of(1) }, 'denied'],
      [{ public_key: null }, 'identity_invalid'],
    ]
    for (const [members, code] of wrong) await refused(release.release({ ...asked, nonce, evidence: await evidenceFor(nonce, members) }), code)
    for (const none of ['', new Uint8Array(), new Uint8Array(40_000), undefined, null, {}, 1])
      await refused(release.release({ ...asked, nonce, evidence: none } as never), 'payload_invalid')
    await release.release({ ...asked, nonce, evidence })
  })

  test('unless it is permitted with true, and in time', async () => {
    const answers: readonly (() => unknown)[] = [
      () => false,
      () => undefined,
      () => 1,
      () => 'true',
      () => ({}),
      () => Promise.resolve(false),
      () => Promise.reject(new Error('down')),
    ]
    for (const answer of answers) {
      const release = make({ permits: () => answer() as boolean })
      await refused(release.release(await full(release)), 'denied')
    }
    const throwing = make({
      permits: () => {
        throw new Error('broken')
      },
    })
    await refused(throwing.release(await full(throwing)), 'denied', /could not be told/)
    const switched = make({ permits: () => Promise.reject(new GuardError('switched_off', { reason: 'off' })) })
    await refused(switched.release(await full(switched)), 'switched_off', /off/)
    let hangs = (): void => {}
    const asking = new Promise<void>((resolve) => {
      hangs = resolve
    })
    const release = make({
      permits: () => {
        hangs()
        return new Promise<boolean>(() => {})
      },
    })
    const releasing = refused(release.release(await full(release)), 'denied', /could not be told/)
    await asking
    clock.advance(5000)
    await releasing
  })

  test('to a key of a kind that is not allowed', async () => {
    const release = make({ algorithms: ['RSA-OAEP-256'] })
    await refused(release.release(await full(release)), 'denied', /of this kind/)
    const own = await releaseRecipient({ kind: 'RSA' })
    const request = await full(release, {}, asked, own)
    await own.open(await release.release(request), request.nonce, asked)
  })

  test('where the evidence has expired while the provider took its time', async () => {
    const slow: KeyProvider = {
      ...keys,
      unwrap: (wrapped, of) => {
        clock.set(began + 120_000)
        return keys.unwrap(wrapped, of)
      },
    }
    const release = make({ keys: slow })
    await refused(release.release(await full(release)), 'identity_expired', /meanwhile/)
  })

  test('where the provider refuses, fails, or gives something else', async () => {
    const { wrapped } = asked
    const release = make()
    const foreign: KeyRequest = { wrapped: { ...wrapped, bytes: wrapped.bytes.map((byte) => byte ^ 1) }, context }
    await refused(release.release(await full(release, {}, foreign)), 'decryption_failed')
    const down = make({ keys: { ...keys, unwrap: () => Promise.reject(new GuardError('keys_unavailable', { reason: 'down' })) } })
    let isOver = false
    const waiting = refused(down.release(await full(down)), 'keys_unavailable').finally(() => {
      isOver = true
    })
    // The pauses between attempts, beside the deadline of all of them.
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      if (clock.pending > 1) clock.advance(100)
    }
    await waiting
    const late = sequence(50)
    let isAsked = false
    const unwrap: KeyProvider['unwrap'] = async (_wrapped, _context, signal) => {
      isAsked = true
      await aborted(signal)
      return late
    }
    const slow = make({ keys: { ...keys, unwrap } })
    const tooLate = refused(slow.release(await full(slow)), 'keys_unavailable')
    while (!isAsked) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(5000)
    await tooLate
    assert.equal(late[0], 0)
    const short = make({ keys: { ...keys, unwrap: () => new Uint8Array(16) } })
    await refused(short.release(await full(short)), 'decryption_failed', /no data key/)
  })

  test('where used nonces cannot be remembered', async () => {
    for (const add of [() => Promise.reject(new Error('down')), () => undefined, () => 'OK'] as const) {
      const state: StateStore = { ...sharedState(), add: add as StateStore['add'] }
      const release = make({ shared: { secret: sequence(7), state } })
      await assert.rejects(
        async () => release.release(await full(release)),
        (error: unknown) => isGuardError(error) && /keys_unavailable|replayed/.test(error.code),
      )
    }
  })

  test('where the attestation or the store takes too long, or fails', async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const hanging: readonly Partial<ReleasePolicyOptions>[] = [
      { attestation: { verify: never, describe: () => ({}) } },
      { shared: { secret: sequence(7), state: { ...sharedState(), add: never } } },
    ]
    for (const options of hanging) {
      const release = make(options)
      let isOver = false
      const releasing = refused(release.release(await full(release)), 'keys_unavailable', /failed/).finally(() => {
        isOver = true
      })
      while (!isOver) {
        await new Promise((resolve) => setImmediate(resolve))
        // Each step has its own deadline; only one of them waits so long that nothing else does.
        if (clock.pending > 0) clock.advance(1)
      }
      await releasing
    }
    const broken = make({ attestation: { verify: () => Promise.reject(new TypeError('broken')), describe: () => ({}) } })
    await refused(broken.release(await full(broken)), 'keys_unavailable', /attestation failed/)
  })

  test('for what is no wrapped key with a context', async () => {
    const release = make()
    const request = await full(release)
    const { wrapped } = asked
    const wrong: readonly unknown[] = [
      { wrapped: undefined },
      { wrapped: null },
      { wrapped: { ...wrapped, id: '' } },
      { wrapped: { ...wrapped, bytes: 'AAAA' } },
      { wrapped: { ...wrapped, bytes: new Uint8Array() } },
      { wrapped: { ...wrapped, bytes: new Uint8Array(16_385) } },
      { context: null },
      { context: { tenant: 1 } },
      { context: { tenant: '\ud800' } },
      { context: { tenant: 'a'.repeat(8192) } },
      { context: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`n${index}`, ''])) },
    ]
    for (const change of wrong) {
      await refused(release.release({ ...request, ...(change as object) }), 'payload_invalid')
      await refused(release.challenge({ ...asked, ...(change as object) }), 'payload_invalid')
    }
    for (const nothing of [undefined, null, 'text', 1]) {
      await refused(release.release(nothing as never), 'payload_invalid')
      await refused(release.challenge(nothing as never), 'payload_invalid')
    }
  })

  test('for another key than was asked for, whatever becomes of the request while it is answered', async () => {
    const release = make()
    const wrapped = { ...asked.wrapped, bytes: asked.wrapped.bytes.slice() }
    const evil = await releaseRecipient()
    const request = await full(release, {}, { wrapped, context: { ...context } })
    const releasing = release.release(request)
    request.evidence.fill(0)
    wrapped.bytes.fill(0)
    Object.assign(request, { nonce: 'other', evidence: await evidenceFor(request.nonce, {}, evil), context: { tenant: 'other' } })
    assert.deepEqual(await recipient.open(await releasing, (await decoded(releasing)).nonce, asked), dataKey)
  })
})

async function decoded(jwe: Promise<string>): Promise<{ readonly nonce: string }> {
  const { nonce } = decodeProtectedHeader(await jwe) as { readonly nonce?: unknown }
  return { nonce: String(nonce) }
}

describe('a released key does not open', () => {
  let jwe: string
  let nonce: string
  before(async () => {
    const release = make()
    const request = await full(release)
    nonce = request.nonce
    jwe = await release.release(request)
  })

  test('for another workload, another nonce, another key, or another context', async () => {
    const other = await releaseRecipient()
    await refused(other.open(jwe, nonce, asked), 'decryption_failed', /kid/)
    await refused(recipient.open(jwe, 'n'.repeat(72), asked), 'decryption_failed', /nonce/)
    await refused(recipient.open(jwe, nonce, { ...asked, context: {} }), 'decryption_failed', /asked/)
    await refused(recipient.open(jwe, nonce, { ...asked, wrapped: { ...asked.wrapped, id: 'other' } }), 'decryption_failed', /asked/)
  })

  test('with any character of it changed, or cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(jwe.length - 1), fc.constantFrom(...'AZaz09-_.='), async (at, character) => {
        await refused(recipient.open(jwe.slice(0, at), nonce, asked), 'decryption_failed')
        fc.pre(jwe[at] !== character)
        await refused(recipient.open(jwe.slice(0, at) + character + jwe.slice(at + 1), nonce, asked), 'decryption_failed')
      }),
    )
  })

  test('where it was made with other algorithms, or says more', async () => {
    const header = decodeProtectedHeader(jwe)
    const { nonce: said, asked: digest } = header as unknown as Record<string, string>
    const right = { alg: 'ECDH-ES+A256KW', enc: 'A256GCM', typ: 'sallyport-released-key', kid: recipient.thumbprint, nonce: said, asked: digest }
    const seal = async (change: object, plaintext: Uint8Array = dataKey): Promise<string> =>
      new CompactEncrypt(plaintext)
        .setProtectedHeader({ ...right, ...change } as never)
        .encrypt(await importJWK({ ...recipient.publicKey }, 'ECDH-ES+A256KW'))
    assert.deepEqual(await recipient.open(await seal({}), nonce, asked), dataKey)
    const wrong = [
      { alg: 'ECDH-ES' },
      { alg: 'ECDH-ES+A128KW' },
      { enc: 'A128GCM' },
      { enc: 'A256CBC-HS512' },
      { typ: undefined },
      { typ: 'JWE' },
      { kid: undefined },
    ]
    for (const change of wrong) await refused(recipient.open(await seal(change), nonce, asked), 'decryption_failed', /another one|no JWE/)
    for (const change of [{ note: 1 }, { cty: 'JWE' }, { apu: 'AA' }, { jku: 'https://evil.example' }])
      await refused(recipient.open(await seal(change), nonce, asked), 'decryption_failed', /not understood/)
    for (const length of [1, 16, 31, 33, 64])
      await refused(recipient.open(await seal({}, new Uint8Array(length)), nonce, asked), 'decryption_failed', /no data key/)
  })

  test('where it is none', async () => {
    for (const none of ['', 'a.b.c.d.e', jwe.replace('.', '..'), `${jwe}.`, ` ${jwe}`, 'a'.repeat(5000), undefined, null, 1, {}])
      await refused(recipient.open(none as string, nonce, asked), 'decryption_failed', /no JWE/)
  })
})

describe('releasePolicy', () => {
  test('wants options that are right', async () => {
    const right = { keys, attestation: attestation(), permits: () => true }
    const secret = sequence(1)
    const wrong: readonly (readonly [options: unknown, message: RegExp])[] = [
      [undefined, /must be an object/],
      [{ ...right, keys: {} }, /keys/],
      [{ ...right, attestation: undefined }, /attestation/],
      [{ ...right, attestation: { describe: () => ({}) } }, /attestation/],
      [{ keys, attestation: attestation() }, /permits/],
      [{ ...right, permits: true }, /permits/],
      [{ ...right, algorithms: [] }, /algorithms/],
      [{ ...right, algorithms: ['RSA1_5'] }, /algorithms/],
      [{ ...right, algorithms: ['ECDH-ES'] }, /algorithms/],
      [{ ...right, nonceLifetime: 0 }, /nonceLifetime/],
      [{ ...right, nonceLifetime: 3601 }, /nonceLifetime/],
      [{ ...right, shared: { secret } }, /shared/],
      [{ ...right, shared: { secret: secret.subarray(1), state: sharedState() } }, /shared/],
      [{ ...right, shared: { state: sharedState() } }, /shared/],
      [{ ...right, shared: { secret, state: memoryState() } }, /must outlive this process/],
      [{ ...right, deadline: 0 }, /deadline/],
      [{ ...right, clock: {} }, /clock/],
      [{ ...right, allowDebug: true }, /no option allowDebug/],
    ]
    for (const [options, message] of wrong)
      assert.throws(
        () => releasePolicy(options as ReleasePolicyOptions),
        (error: unknown) => error instanceof TypeError && message.test(error.message),
        String(message),
      )
    await assert.rejects(releaseRecipient({ kind: 'P-384' as never }), TypeError)
    assert.throws(() => attestedKeys({ recipient, release: make(), attest: undefined as never }), TypeError)
    assert.throws(() => attestedKeys({ recipient: {} as never, release: make(), attest: () => '' }), TypeError)
  })

  test('remembers nothing of questions: a flood of them keeps nobody from an answer', async () => {
    const release = make()
    const request = await full(release)
    const nonces = await Promise.all(Array.from({ length: 1000 }, async () => (await release.challenge(asked)).nonce))
    assert.equal(new Set(nonces).size, 1000)
    await release.release(request)
  })

  test('sends the key along where the evidence names it by its thumbprint', async () => {
    let sent: unknown
    const seen: Attestation = {
      verify({ key }): Promise<AttestedWorkload> {
        sent = key
        return Promise.resolve({ kind: 'own', measurements: {}, key: recipient.publicKey, expiresAt: clock.now() + 1000 })
      },
      describe: () => ({ kind: 'own' }),
    }
    const release = make({ attestation: seen })
    assert.deepEqual(await attestedKeys({ recipient, release, attest: () => 'token', sendKey: true }).unwrap(asked.wrapped, context), dataKey)
    assert.deepEqual(sent, recipient.publicKey)
    await attestedKeys({ recipient, release, attest: () => 'token' }).unwrap(asked.wrapped, context)
    assert.equal(sent, undefined)
  })

  test('seals to nothing that an attestation of one’s own makes up', async () => {
    const workload = { kind: 'own', measurements: {}, key: recipient.publicKey, expiresAt: Number.POSITIVE_INFINITY }
    const wrong: readonly (readonly [change: object, code: string])[] = [
      [{ key: { ...recipient.publicKey, crv: 'P-384' } }, 'identity_invalid'],
      [{ key: { kty: 'oct', k: 'AAAA' } }, 'identity_invalid'],
      [{ key: { ...recipient.publicKey, y: recipient.publicKey.x } }, 'identity_invalid'],
      [{ key: { kty: 'RSA', n: `w${'A'.repeat(169)}Q`, e: 'AQAB' } }, 'identity_invalid'],
      [{ expiresAt: Number.NaN }, 'identity_expired'],
      [{ expiresAt: began }, 'identity_expired'],
    ]
    for (const [change, code] of wrong) {
      const own: Attestation = {
        verify: (_given, _nonce, _clock: Clock) => Promise.resolve({ ...workload, ...change } as AttestedWorkload),
        describe: () => ({}),
      }
      const release = make({ attestation: own })
      const { nonce } = await release.challenge(asked)
      await refused(release.release({ ...asked, nonce, evidence: 'token' }), code)
    }
  })

  test('describes itself without its secret', () => {
    const release = make({ shared: { secret: sequence(7), state: sharedState() } })
    assert.deepEqual(release.describe(), {
      kind: 'release',
      attestation: attestation().describe(),
      keys: keys.describe(),
      algorithms: ['ECDH-ES+A256KW', 'RSA-OAEP-256'],
      nonceLifetime: 120,
      shared: true,
    })
  })
})
