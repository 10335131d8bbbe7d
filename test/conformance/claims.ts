import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair } from 'jose'
import {
  audit,
  authorize,
  detectors,
  encryptPayload,
  guard,
  guardHandler,
  jwt,
  type AgreementKeys,
  localKeys,
  maskData,
  openAnswers,
  policySet,
  type PublicKey,
  rateLimit,
  sealRequest,
  unaudited,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, identityOf, type RecordingLog, recordingLog } from '../../src/testing/index.ts'
import { chatRequest, chunksOf, saidIn } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { openRefusal } from './sealed-refusals.ts'
import { address, post } from './served.ts'
import { analyst, chat, issuer, policy } from './whole-guard.ts'

/** The controls that claims are about. */
export type Name = 'audit' | 'verifyIdentity' | 'encryptPayload' | 'rateLimit' | 'authorize' | 'maskData'

const secret = 'ada.lovelace@example.org'

/** A guarded server with every control, or with one of them replaced by what does nothing. */
export interface Door {
  /** Sends a sealed request, as callers of this server do. */
  send(request: object, credentials?: { readonly authorization?: string }): Promise<Response>
  /** Sends one in clear. */
  sendClear(request: object, credentials: { readonly authorization?: string }): Promise<Response>
  /** What a sealed stream says, opened. */
  open(response: Response): Promise<string>
  readonly heard: readonly string[]
  readonly log: RecordingLog
}

let keys: { readonly provider: AgreementKeys; readonly publicKey: PublicKey } | undefined

async function ownKeys(): Promise<NonNullable<typeof keys>> {
  if (keys !== undefined) return keys
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
  const provider = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
  const [publicKey] = (await provider.publicKeys()).keys
  assert.ok(publicKey)
  return (keys = { provider, publicKey })
}

export async function door(stub?: Name): Promise<Door> {
  const { provider, publicKey } = await ownKeys()
  const log = recordingLog()
  const heard: string[] = []
  const recorded = guard({ name: 'conformance', onError: () => {} }).use(stub === 'audit' ? unaudited() : audit({ log, onError: () => {} }))
  const identified = recorded.use(
    verifyIdentity({ verifiers: stub === 'verifyIdentity' ? [identityOf({ subject: 'anybody', roles: ['analyst'] })] : [jwt(issuer.options)] }),
  )
  const sealing =
    stub === 'encryptPayload' ? identified : identified.use(encryptPayload({ keys: provider, direction: 'both', origin: 'https://api.example' }))
  const metered =
    stub === 'rateLimit'
      ? sealing
      : (sealing as typeof identified).use(rateLimit({ limits: { name: 'hour', per: (call) => call.identity.key, requests: 3, window: 3_600 } }))
  const decided = (metered as typeof identified).use(authorize({ evaluator: stub === 'authorize' ? allowAll() : policySet(policy) }))
  const whole = stub === 'maskData' ? decided : decided.use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  const handler = guardHandler(
    whole as typeof decided,
    chat,
    (_request, call) => {
      heard.push(JSON.stringify(call.input))
      return (async function* () {
        yield* chunksOf(['write to ', secret.slice(0, 9), secret.slice(9)])
      })()
    },
    { origin: 'https://api.example' },
  )
  const replies = new WeakMap<Response, Awaited<ReturnType<typeof sealRequest>>['replyKey']>()
  return {
    heard,
    log,
    async send(request, credentials = {}) {
      const { authorization = 'Bearer none' } = credentials
      const body = JSON.stringify({ ...request, stream: true })
      if (stub === 'encryptPayload') return handler(post(body, credentials))
      const sealed = await sealRequest(body, { publicKey, credential: authorization.slice('Bearer '.length), url: address })
      const answer = await handler(post(sealed.body, { ...credentials, 'content-type': sealed.contentType }))
      const response = await openRefusal(answer, sealed.replyKey)
      replies.set(response, sealed.replyKey)
      return response
    },
    sendClear: (request, credentials) => handler(post({ ...request, stream: true }, credentials)),
    async open(response) {
      const text = await response.text()
      const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '')
      const replyKey = replies.get(response)
      const parts: unknown[] = []
      if (replyKey === undefined) parts.push(...events.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as unknown))
      else
        for await (const data of openAnswers(
          (async function* () {
            yield* events
          })(),
          replyKey,
        ))
          parts.push(JSON.parse(data))
      return saidIn(parts)['0/content'] ?? ''
    },
  }
}

/** What is claimed of each control, and the check behind it: the assertions that the attacks of this folder use. */
export const claims: Readonly<Record<Name, { readonly says: string; check(door: Door): Promise<void> }>> = {
  verifyIdentity: {
    says: 'a forged token does not get in',
    async check(own) {
      const { authorization } = await analyst()
      for (const forged of [`${authorization.slice(0, -8)}AAAAAAAA`, 'Bearer nonsense']) {
        const response = await own.send(chatRequest('x'), { authorization: forged })
        await assertRefused(response, 'identity_invalid', [forged])
      }
      assert.equal(own.heard.length, 0)
    },
  },
  authorize: {
    says: 'who has no right does not get in',
    async check(own) {
      const stranger = await issuer.bearer({ sub: 'eve', roles: ['guest'] })
      await assertRefused(await own.send(chatRequest('x', { model: 'gpt-secret' }), stranger), 'denied', ['eve'])
      assert.equal(own.heard.length, 0)
    },
  },
  rateLimit: {
    says: 'nobody gets more than the limit',
    async check(own) {
      const credentials = await analyst('bob')
      for (let call = 0; call < 3; call++) assert.equal((await own.send(chatRequest('x'), credentials)).status, 200)
      await assertRefused(await own.send(chatRequest('x'), credentials), 'limit_exceeded', ['bob'])
      assert.equal(own.heard.length, 3)
    },
  },
  maskData: {
    says: 'what is protected reaches neither the model nor the reader',
    async check(own) {
      const said = await own.open(await own.send(chatRequest(`I am ${secret}`), await analyst('carl')))
      assert.equal(said, 'write to [EMAIL]')
      assert.equal(own.heard.length, 1)
      assert.ok(!own.heard.join().includes('lovelace') && own.heard.join().includes('[EMAIL]'), own.heard.join())
    },
  },
  encryptPayload: {
    says: 'a request in clear does not get in, and an answer cannot be read on the way',
    async check(own) {
      const credentials = await analyst('dora')
      await assertRefused(await own.sendClear(chatRequest('x'), credentials), 'decryption_failed')
      assert.equal(own.heard.length, 0)
      const response = await own.send(chatRequest('x'), credentials)
      assert.ok(!/write to|EMAIL|chat\.completion/.test(await response.text()))
    },
  },
  audit: {
    says: 'every call is on record before it runs, or does not run',
    async check(own) {
      const response = await own.send(chatRequest('x'), await analyst('emil'))
      await own.open(response)
      assert.deepEqual(
        own.log.entries.map((record) => [record.kind, record.kind === 'decision' || record.kind === 'outcome' ? record.allowed : undefined]),
        [
          ['decision', true],
          ['outcome', true],
        ],
      )
      own.log.fail()
      await assertRefused(await own.send(chatRequest('x'), await analyst('fred')), 'audit_unavailable')
      assert.equal(own.heard.length, 1)
    },
  },
}
