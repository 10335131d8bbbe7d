import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { guard } from '../../src/guard/guard.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

describe('nonces for proofs of possession', () => {
  test('come with a refusal (RFC 9449, section 9), and with an answer where the one that was used grows old (8.2)', async () => {
    const clock = testClock()
    const issuer = testIssuer({ clock })
    const key = await dpopKey({ clock })
    const base = guard({ name: 'bot', clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, dpop: { nonces: { period: 60 } } })] }))
      .use(authorize({ evaluator: allowAll() }))
    const handler = guardHandler(base, { action: 'chat', resource: { type: 'model', id: 'm' }, codec: plainText }, () => 'fine', {
      origin: 'https://api.example',
      channel: () => ({ secure: true }),
    })
    const token = await issuer.mint({ cnf: { jkt: key.jkt } })
    const url = 'https://api.example/chat'
    const ask = async (nonce?: string): Promise<Response> => {
      const dpop = await key.proof({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) })
      const headers = { authorization: `DPoP ${token}`, dpop, 'content-type': 'text/plain' }
      return handler(new Request(url, { method: 'POST', headers, body: 'hello' }))
    }
    const refused = await ask()
    assert.equal(refused.status, 401)
    assert.match(refused.headers.get('www-authenticate') ?? '', /DPoP realm="bot", error="use_dpop_nonce"/)
    const first = refused.headers.get('dpop-nonce') ?? ''
    assert.match(first, /^[\w-]{43}$/)
    const answered = await ask(first)
    assert.equal(answered.status, 200)
    assert.equal(answered.headers.get('dpop-nonce'), null)
    clock.advance(60_000)
    const renewed = await ask(first)
    assert.equal(renewed.status, 200)
    const second = renewed.headers.get('dpop-nonce') ?? ''
    assert.ok(second !== '' && second !== first)
    assert.equal((await ask(second)).headers.get('dpop-nonce'), null)
    clock.advance(60_000)
    assert.equal((await ask(first)).status, 401)
    assert.equal((await ask('made-up')).status, 401)
  })
})
