// An agent acts for a caller elsewhere: with less than the caller may, for a minute, and not a moment after the caller is revoked.
import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair } from 'jose'
import { audit, authorize, delegated, delegator, guard, isGuardError, jwt, plainText, policySet, revocationList, verifyIdentity } from 'sallyport'
import { recordingLog, testIssuer } from 'sallyport/testing'

const issuer = testIssuer()
const revocation = revocationList()
const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const { delegate, jwks } = delegator({ issuer: 'https://bot.example', key: { ...(await exportJWK(privateKey)), kid: 'bot-1' } })
const operation = (id: string) => ({ action: 'execute_tool', resource: { type: 'tool', id }, codec: plainText })

// Elsewhere: a tool that takes what the agent was given, and lets files be read by whoever may read them.
const files = guard({ name: 'files', onError: () => {} })
  .use(audit({ log: recordingLog() }))
  .use(
    verifyIdentity({
      verifiers: [delegated({ issuer: 'https://bot.example', subjectsOf: issuer.issuer, audience: 'https://files.example', keys: jwks })],
      revocation,
    }),
  )
  .use(
    authorize({
      evaluator: policySet({
        id: 'files',
        rules: [{ id: 'read', effect: 'permit', when: { 'subject.scopes': { contains: 'files:read' }, 'subject.actor': { eq: 'support-bot' } } }],
      }),
    }),
  )
const readFile = files.protect(
  (name: string, call) => `${name} of ${call.identity.subject}, read by ${call.identity.actors[0]?.subject}`,
  operation('read'),
)

// Here: the agent, called by somebody with a token of the identity provider.
let kept = ''
const agent = guard({ name: 'support-bot', onError: () => {} })
  .use(audit({ log: recordingLog() }))
  .use(verifyIdentity({ verifiers: [jwt(issuer.options)], revocation }))
  .use(authorize({ evaluator: policySet({ id: 'agent', rules: [{ id: 'all', effect: 'permit' }] }) }))
const ask = agent.protect(async (question: string, call) => {
  // What the caller does not have cannot be handed on.
  await assert.rejects(delegate(call, { scopes: ['files:delete'], ttl: 60, audience: 'https://files.example' }), isGuardError)
  kept = await delegate(call, { scopes: ['files:read'], ttl: 60, audience: 'https://files.example' })
  return readFile(question, { credentials: { authorization: `Bearer ${kept}` } })
}, operation('ask'))

const credentials = await issuer.bearer({ sub: 'ada', scope: 'files:read files:write' })
const answer = await ask('notes.txt', { credentials })
assert.equal(answer, 'notes.txt of ada, read by support-bot')

// The token outlived the call, and stands until the caller falls.
assert.equal(await readFile('notes.txt', { credentials: { authorization: `Bearer ${kept}` } }), answer)
await revocation.revoke({ subject: 'ada', issuer: issuer.issuer })
await assert.rejects(readFile('notes.txt', { credentials: { authorization: `Bearer ${kept}` } }), { code: 'identity_revoked' })

await agent.close()
await files.close()
console.log(`delegation: ${answer}`)
