import {
  type AuditLog,
  type AuditOptions,
  type AuthorizeOptions,
  audit,
  authorize,
  type Call,
  type ChatRequest,
  type Clock,
  detectors,
  guard,
  jwt,
  type Known,
  type MaskDataOptions,
  maskData,
  openaiChat,
  policySet,
  type RateLimitOptions,
  rateLimit,
  type VerifyIdentityOptions,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, type TestIssuer, testIssuer } from '../../src/testing/index.ts'

/** The issuer whose tokens every guard here takes. */
export const issuer: TestIssuer = testIssuer()

/** Analysts may chat with one model, unless the application says that there is a quarantine. */
export const policy = {
  id: 'conformance-policy',
  version: '1',
  rules: [
    { id: 'analysts-chat', effect: 'permit', subject: { roles: ['analyst'] }, action: ['chat'], resource: { type: 'model', id: ['gpt-5'] } },
    {
      id: 'nobody-in-quarantine',
      effect: 'forbid',
      when: { all: [{ 'context.quarantine': { exists: true } }, { 'context.quarantine': { eq: true } }] },
    },
  ],
}

/** Credentials of somebody who may chat. */
export function analyst(subject = 'ada', claims: Readonly<Record<string, unknown>> = {}): Promise<{ readonly authorization: string }> {
  return issuer.bearer({ sub: subject, roles: ['analyst'], ...claims })
}

/** What a test says differently. */
export interface Parts {
  readonly clock?: Clock
  readonly deadline?: number
  readonly onError?: (error: unknown) => void
  readonly log?: AuditLog
  readonly audit?: Partial<AuditOptions>
  readonly identity?: Partial<VerifyIdentityOptions>
  readonly limits?: Partial<RateLimitOptions<Call & Pick<Known, 'identity'>>>
  readonly policy?: Partial<AuthorizeOptions>
  readonly masking?: Partial<MaskDataOptions>
}

/** A guard with every control that works on values, each real. */
export function wholeGuard(parts: Parts = {}) {
  const { clock, deadline, onError = () => {}, log = recordingLog() } = parts
  return guard({ name: 'conformance', onError, ...(clock !== undefined && { clock }), ...(deadline !== undefined && { deadline }) })
    .use(audit({ log, content: 'digest', onError: () => {}, ...parts.audit }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)], ...parts.identity }))
    .use(
      rateLimit({
        limits: [
          { name: 'minute', per: (call) => call.identity.key, requests: 100_000, window: 60 },
          { name: 'tokens', per: (call) => call.identity.key, tokens: 1_000_000_000, window: 60 },
        ],
        ...parts.limits,
      }),
    )
    .use(authorize({ evaluator: policySet(policy), ...parts.policy }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both', ...parts.masking }))
}

export type WholeGuard = ReturnType<typeof wholeGuard>

/** Chats with the model that the request names. */
export const chat = {
  action: 'chat',
  resource: (input: ChatRequest) => ({ type: 'model', id: input.model }),
  codec: openaiChat,
} as const
