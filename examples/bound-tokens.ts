// A stolen token is worth nothing without its key: DPoP with nonces of the server, from the client's side as well.
import assert from 'node:assert/strict'
import { audit, authorize, guard, guardHandler, jwt, plainText, policySet, verifyIdentity } from 'sallyport'
import { dpopKey, recordingLog, testIssuer } from 'sallyport/testing'

const issuer = testIssuer()
const base = guard({ name: 'bound', onError: () => {} })
  .use(audit({ log: recordingLog() }))
  .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, dpop: { nonces: true } })], binding: 'dpop' }))
  .use(authorize({ evaluator: policySet({ id: 'bound', rules: [{ id: 'all', effect: 'permit' }] }) }))
const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText }
const handler = guardHandler(base, operation, (_request, call) => `hello ${call.identity.subject}`, {
  // What a proof must be for: the address by which clients know this server, whatever a request says itself.
  origin: 'https://api.example',
  channel: () => ({ secure: true }),
})

const url = 'https://api.example/v1/ask'
const mine = await dpopKey()
const token = await issuer.mint({ sub: 'ada', cnf: { jkt: mine.jkt } })

/** A client as the standard has it: a proof for each request, and the nonce that the server asked for last. */
let nonce: string | undefined
async function ask(key = mine, replayed?: string): Promise<Response> {
  const dpop = replayed ?? (await key.proof({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) }))
  const headers = { authorization: `DPoP ${token}`, dpop, 'content-type': 'text/plain' }
  const response = await handler(new Request(url, { method: 'POST', headers, body: 'hello' }))
  nonce = response.headers.get('dpop-nonce') ?? nonce
  return response
}

const first = await ask()
assert.equal(first.status, 401)
assert.match(first.headers.get('www-authenticate') ?? '', /error="use_dpop_nonce"/)
const second = await ask()
assert.equal(await second.text(), 'hello ada')

// Whoever has the token and not the key: a proof of his own, the token as a bearer's, and a proof that was used before.
assert.equal((await ask(await dpopKey())).status, 401)
const bearer = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' }
assert.equal((await handler(new Request(url, { method: 'POST', headers: bearer, body: 'hello' }))).status, 401)
const proof = await mine.proof({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) })
assert.equal((await ask(mine, proof)).status, 200)
assert.equal((await ask(mine, proof)).status, 401)

await base.close()
console.log('bound-tokens: hello ada, and nobody else with her token')
