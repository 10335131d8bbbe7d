import type { Quota } from './context.ts'

type Limit = Quota['limits'][number]

/**
 * The header fields that tell a caller its quota: `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers-10),
 * one item a limit, names in lower case. Empty where there is no limit.
 *
 * ```ts
 * quotaHeaders(call.quota)   // { ratelimit: '"minute";r=59;t=1', 'ratelimit-policy': '"minute";q=60;w=60' }
 * ```
 */
export function quotaHeaders(quota: Quota | undefined): Readonly<Record<string, string>> {
  return quota === undefined ? {} : limitFields(quota.limits, (limit) => limit.reset)
}

/** The same fields for limits with a time of their own for each. */
export function limitFields<L extends Limit>(limits: readonly L[], time: (limit: L) => number): Readonly<Record<string, string>> {
  if (limits.length === 0) return {}
  const states: string[] = []
  const policies: string[] = []
  for (const limit of limits) {
    const name = quoted(limit.name)
    // Of a limit without a window nobody can say when there will be more.
    const at = limit.unit === 'concurrent' ? '' : `;t=${seconds(time(limit))}`
    states.push(`${name};r=${integer(Math.floor(limit.remaining))}${at}`)
    policies.push(
      `${name};q=${integer(Math.floor(limit.limit))}${unit(limit.unit)}${limit.window === undefined ? '' : `;w=${seconds(limit.window)}`}`,
    )
  }
  return { ratelimit: states.join(', '), 'ratelimit-policy': policies.join(', ') }
}

/** Whole seconds, as a structured field can hold them. */
export function seconds(value: number): number {
  return integer(Math.ceil(value))
}

// Section 3.1.2 registers no unit for tokens, so it takes a parameter of our own; nothing means requests.
function unit(of: Limit['unit']): string {
  if (of === 'tokens') return ';sallyport-unit="tokens"'
  return of === 'concurrent' ? ';qu="concurrent-requests"' : ''
}

// RFC 9651, section 3.3.1: fifteen digits.
function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Math.max(0, value), 999_999_999_999_999)
}

// RFC 9651, section 3.3.3: printable ASCII.
function quoted(name: string): string {
  return `"${name.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
