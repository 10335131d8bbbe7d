import type { Identity } from '../../src/guard/context.ts'

/** An identity with this subject. */
export function identityOf(subject: string): Identity {
  return Object.freeze({
    key: `1:i${subject}`,
    subject,
    issuer: 'i',
    kind: 'user',
    roles: [],
    scopes: [],
    claims: {},
    actors: [],
    assurance: { amr: [] },
    expiresAt: Number.POSITIVE_INFINITY,
  })
}
