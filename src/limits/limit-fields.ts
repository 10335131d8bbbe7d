import type { Quota } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { LimitState, Refusal } from './limit-store.ts'
import type { LimitUnit } from './limit.ts'

type Listed = Quota['limits'][number] & Partial<Pick<LimitState, 'unit' | 'window'>>

/**
 * The header fields that tell a caller its quota: `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers-10),
 * names in lower case. Empty for a quota without limits.
 *
 * ```ts
 * quotaHeaders(call.quota)   // { ratelimit: '"minute";r=59;t=1', 'ratelimit-policy': '"minute";q=60;w=60' }
 * ```
 */
export function quotaHeaders(quota: Quota): Readonly<Record<string, string>> {
  if (quota.limits.length === 0) return {}
  return fields(quota.limits, (limit) => limit.reset)
}

/** The refusal of a call that a limit is in the way of, with the header fields that say which, and when to come back. */
export function limitExceeded(refusal: Refusal): GuardError {
  const { violated } = refusal
  const never = violated.filter(({ retryAfter }) => retryAfter === Number.POSITIVE_INFINITY).map(({ name }) => `'${name}'`)
  const wait = Math.max(1, ...violated.map(waitOf))
  return new GuardError('limit_exceeded', {
    reason: `over ${violated.map(({ name }) => `'${name}'`).join(', ')}${never.length > 0 ? `; more than ${never.join(', ')} ever grants at once` : ''}`,
    headers: { ...fields(violated, waitOf), 'retry-after': String(wait) },
  })
}

// A caller that asks for more than there ever is must ask for less; a window is as good a time as any.
function waitOf({ retryAfter, window = 1 }: { readonly retryAfter: number; readonly window: number | undefined }): number {
  return Math.max(1, seconds(retryAfter === Number.POSITIVE_INFINITY ? window : retryAfter))
}

function fields<L extends Listed>(limits: readonly L[], time: (limit: L) => number): { ratelimit: string; 'ratelimit-policy': string } {
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

// Section 3.1.2 registers no unit for tokens, so it takes a parameter of our own; nothing means requests.
function unit(of: LimitUnit | undefined): string {
  if (of === 'tokens') return ';sallyport-unit="tokens"'
  return of === 'concurrent' ? ';qu="concurrent-requests"' : ''
}

function seconds(value: number): number {
  return integer(Math.ceil(value))
}

// RFC 9651, section 3.3.1: fifteen digits.
function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Math.max(0, value), 999_999_999_999_999)
}

// RFC 9651, section 3.3.3. Our own names need no escapes; a quota of somebody else's making may have any name.
function quoted(name: string): string {
  return `"${name.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
