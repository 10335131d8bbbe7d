/**
 * The one name of a subject: issuer and subject together, the issuer's length before them, so that no two pairs have one
 * name. What `identity.key` holds.
 *
 * ```ts
 * identityKey('https://id.example', 'ada') // '18:https://id.exampleada'
 * ```
 */
export function identityKey(issuer: string, subject: string): string {
  return `${issuer.length}:${issuer}${subject}`
}
