// The guard that is measured, and the same with one control taken out or replaced by one that does nothing.
import {
  audit,
  authorize,
  detectors,
  guard,
  jwt,
  maskData,
  openaiChat,
  policySet,
  rateLimit,
  unaudited,
  verifyIdentity,
  type AuditLog,
} from '../../../dist/index.js'
import { allowAll, identityOf, type TestIssuer } from '../../../dist/testing/index.js'

export type Question = { model: string; messages: { role: 'user'; content: string }[] }

// 1 kB of prose with one address in it.
const prose = 'The quarterly report shows that revenue grew in every region but one, and that costs fell as planned in most of them. '
const content = `Ask ada@example.org for details. ${prose.repeat(9)}`.slice(0, 1024)
export const question: Question = { model: 'small-1', messages: [{ role: 'user', content }] }

export const answer = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_767_225_600,
  model: 'small-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'It grew by four per cent.', refusal: null }, logprobs: null, finish_reason: 'stop' }],
  usage: { prompt_tokens: 260, completion_tokens: 8, total_tokens: 268 },
}

const policy = policySet({
  id: 'bench',
  version: '1',
  rules: [
    { id: 'staff-chat', effect: 'permit', subject: { roles: ['staff'] }, action: ['chat'], resource: { type: 'model', id: ['small-*'] } },
    { id: 'no-guests', effect: 'forbid', subject: { roles: ['guest'] }, action: ['chat'] },
  ],
})

export const controls = ['audit', 'verifyIdentity', 'rateLimit', 'authorize', 'maskData'] as const

/** The chain with these controls; the others are left out, or replaced by one that does nothing. */
export function chat(log: AuditLog, issuer: TestIssuer, included: readonly (typeof controls)[number][]) {
  const out = (name: (typeof controls)[number]): boolean => !included.includes(name)
  const start = guard({ name: 'bench' })
  const recorded = out('audit') ? start.use(unaudited()) : start.use(audit({ log }))
  const identified = recorded.use(
    verifyIdentity({
      verifiers: [
        out('verifyIdentity')
          ? identityOf({ subject: 'ada', roles: ['staff'] })
          : jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwks }),
      ],
    }),
  )
  const limits = (['minute', 'hour'] as const).flatMap((name) => [
    {
      name: `${name}-requests`,
      per: (call: { identity: { key: string } }) => call.identity.key,
      requests: 1e9,
      window: name === 'minute' ? 60 : 3_600,
    },
    { name: `${name}-tokens`, per: (call: { identity: { key: string } }) => call.identity.key, tokens: 1e12, window: name === 'minute' ? 60 : 3_600 },
  ])
  const metered = out('rateLimit') ? identified : identified.use(rateLimit({ limits }))
  const permitted = metered.use(authorize({ evaluator: out('authorize') ? allowAll() : policy }))
  const masked = out('maskData') ? permitted : permitted.use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  return masked.protect((_input: Question) => Promise.resolve(answer), {
    action: 'chat',
    resource: { type: 'model', id: 'small-1' },
    codec: openaiChat as never,
  })
}
