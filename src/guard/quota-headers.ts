import type { Quota } from './context.ts'

/** A limit as header fields tell it. */
export interface ToldLimit {
  readonly name: string
  readonly limit: number
  readonly remaining: number
  /** Seconds until the full quota is back. */
  readonly reset: number
  readonly unit?: string
  /** Seconds. */
  readonly window?: number | undefined
  /** Whether several callers spend from it: what is left of it tells what the others do, and so is not told. */
  readonly shared?: boolean
  /** The partition key, in base64: a keyed hash, never the key itself. */
  readonly partition?: string
}

/**
 * The header fields that tell a caller its quota: `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers-10),
 * one item a limit, names in lower case. Empty where there is no limit. Limits that callers share are left out.
 *
 * ```ts
 * quotaHeaders(call.quota)   // { ratelimit: '"minute";r=59;t=1', 'ratelimit-policy': '"minute";q=60;w=60' }
 * ```
 */
export function quotaHeaders(quota: Quota | undefined): Readonly<Record<string, string>> {
  return quota === undefined ? {} : limitFields(quota.limits, (limit) => limit.reset)
}

/** The same fields for limits with a time of their own for each. */
export function limitFields<L extends ToldLimit>(limits: readonly L[], time: (limit: L) => number): Readonly<Record<string, string>> {
  const states: string[] = []
  const policies: string[] = []
  for (const limit of limits) {
    if (limit.shared === true) continue
    const name = quoted(limit.name)
    // RFC 9651, section 3.3.5.
    const partition = limit.partition === undefined ? '' : `;pk=:${limit.partition}:`
    // Of a limit without a window nobody can say when there will be more.
    const at = limit.unit === 'concurrent' ? '' : `;t=${seconds(time(limit))}`
    states.push(`${name};r=${integer(Math.floor(limit.remaining))}${at}${partition}`)
    const window = limit.window === undefined ? '' : `;w=${seconds(limit.window)}`
    policies.push(`${name};q=${integer(Math.floor(limit.limit))}${unit(limit.unit)}${window}${partition}`)
  }
  return states.length === 0 ? {} : { ratelimit: states.join(', '), 'ratelimit-policy': policies.join(', ') }
}

/**
 * The fields that clients of model vendors know: `x-ratelimit-limit-requests`, `x-ratelimit-remaining-requests` and
 * `x-ratelimit-reset-requests`, and the same for tokens; of several limits the one of which least is left. Times as vendors
 * write them, such as `6m0s` and `20ms`.
 */
export function vendorFields<L extends ToldLimit>(limits: readonly L[], time: (limit: L) => number): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {}
  for (const unit of ['requests', 'tokens']) {
    let least: L | undefined
    for (const limit of limits)
      if ((limit.unit ?? 'requests') === unit && limit.shared !== true && (least === undefined || part(limit) < part(least))) least = limit
    if (least === undefined) continue
    fields[`x-ratelimit-limit-${unit}`] = String(integer(Math.floor(least.limit)))
    fields[`x-ratelimit-remaining-${unit}`] = String(integer(Math.floor(least.remaining)))
    fields[`x-ratelimit-reset-${unit}`] = duration(time(least))
  }
  return fields
}

/** Whole seconds, as a structured field can hold them. */
export function seconds(value: number): number {
  return integer(Math.ceil(value))
}

function part({ remaining, limit }: ToldLimit): number {
  return remaining / limit
}

// Rounded up: nobody is told to come back too early.
function duration(value: number): string {
  if (value < 1) return `${integer(Math.ceil(value * 1000))}ms`
  const whole = seconds(value)
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}h${minutes}m${rest}s` : minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`
}

// Section 3.1.2 registers no unit for tokens and money, so they take a parameter of our own; nothing means requests.
function unit(of: string | undefined): string {
  if (of === undefined || of === 'requests') return ''
  return of === 'concurrent' ? ';qu="concurrent-requests"' : `;sallyport-unit=${quoted(of)}`
}

// RFC 9651, section 3.3.1: fifteen digits.
function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Math.max(0, value), 999_999_999_999_999)
}

// RFC 9651, section 3.3.3: printable ASCII.
function quoted(name: string): string {
  return `"${name.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
