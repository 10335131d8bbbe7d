// Guard a plain function: who may call it, how often, and a record of every call. Needs no key and no network.
import assert from 'node:assert/strict'
import { authorize, audit, guard, isGuardError, jwt, memoryLog, policySet, rateLimit, verifyIdentity } from 'sallyport'
import { testIssuer } from 'sallyport/testing'

const issuer = await testIssuer()
const log = memoryLog()

const base = guard({ name: 'quotes' })
  .use(audit({ log }))
  .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwks })] }))
  .use(rateLimit({ limits: [{ name: 'minute', per: (call) => call.identity.key, requests: 2, window: 60 }] }))
  .use(
    authorize({
      evaluator: policySet({
        id: 'quotes',
        version: '1',
        rules: [
          {
            id: 'traders-read',
            effect: 'permit',
            subject: { roles: ['trader'] },
            action: ['read_quote'],
            resource: { type: 'quote', id: ['EUR*'] },
          },
        ],
      }),
    }),
  )

const quote = base.protect((input: { pair: string }, call) => ({ pair: input.pair, rate: 1.08, for: call.identity.subject }), {
  action: 'read_quote',
  resource: (input) => ({ type: 'quote', id: input.pair }),
})

const as = async (subject: string, ...roles: string[]) => ({
  credentials: { authorization: `Bearer ${await issuer.mint({ sub: subject, roles })}` },
})

// A trader gets a quote, for a resource that the policy names.
const trader = await as('tess', 'trader')
assert.deepEqual(await quote({ pair: 'EURUSD' }, trader), { pair: 'EURUSD', rate: 1.08, for: 'tess' })

// Nobody, somebody without the role, and another resource are refused.
const codes: string[] = []
for (const [pair, request] of [
  ['EURUSD', {}],
  ['EURUSD', await as('ivan')],
  ['USDJPY', trader],
] as const)
  await quote({ pair }, request).catch((error: unknown) => codes.push(isGuardError(error) ? error.code : 'other'))
assert.deepEqual(codes, ['identity_missing', 'denied', 'denied'])

// The limit is the trader's own: two requests a minute, one of them spent on what was denied.
await assert.rejects(quote({ pair: 'EURUSD' }, trader), { code: 'limit_exceeded', status: 429 })

await base.close()
const refused = log.entries.filter((entry) => entry.kind === 'decision' && !entry.allowed)
assert.equal(refused.length, 3)
console.log(`plain-function: ${log.entries.length} records, ${refused.length} refusals of known callers`)
