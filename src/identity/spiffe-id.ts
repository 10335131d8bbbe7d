/** A SPIFFE ID, taken apart. */
export interface SpiffeId {
  readonly trustDomain: string
  /** With the slash that it begins with; empty for the trust domain itself. */
  readonly path: string
}

/** Characters; all of them are ASCII (SPIFFE ID, section 2.3). */
const maxLength = 2048

const trustDomains = /^[a-z0-9._-]{1,255}$/
// No two parts of it could take the same character, so it is linear.
const spiffeIds = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/

/**
 * Reads a SPIFFE ID (SPIFFE ID, sections 2.1 to 2.3), strictly; undefined for whatever is none. One identity has one spelling:
 * scheme and trust domain in lower case, no user, port, query, fragment or percent encoding, no empty segment, no `.` or
 * `..`, no slash at the end, at most 2,048 characters.
 *
 * A workload's own ID has a path: who wants one must look at it.
 *
 * ```ts
 * parseSpiffeId('spiffe://example.org/billing') // { trustDomain: 'example.org', path: '/billing' }
 * ```
 */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > maxLength) return undefined
  const match = spiffeIds.exec(text)
  const trustDomain = match?.[1]
  const path = match?.[2]
  if (trustDomain === undefined || path === undefined) return undefined
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return undefined
  return { trustDomain, path }
}

/** Whether a value is the name of a trust domain, such as `example.org`: for options. */
export function isTrustDomain(value: unknown): value is string {
  return typeof value === 'string' && trustDomains.test(value)
}
