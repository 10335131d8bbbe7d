import { checkOptions, type Check, optional } from '../guard/check-options.ts'
import type { Call } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'

/** Options of `byAddress`. */
export interface AddressKeyOptions {
  /** Bits of an IPv4 address that count, from 8 to 32; all of them unless given. */
  readonly ipv4Prefix?: number
  /** Bits of an IPv6 address that count, from 16 to 128; 64 unless given, since whoever has one has all 2^64 beside it. */
  readonly ipv6Prefix?: number
}

const bits = (least: number, most: number): Check => [
  optional((value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most),
  `a whole number from ${least} to ${most}`,
]
const checks: Readonly<Record<keyof AddressKeyOptions, Check>> = { ipv4Prefix: bits(8, 32), ipv6Prefix: bits(16, 128) }

/**
 * The network that a call came from, as a key: the address that the transport saw, cut to its prefix. An IPv4 address written
 * as an IPv6 one is the IPv4 address. What a header field says is not looked at: an adapter that trusts one says so itself.
 *
 * ```ts
 * rateLimit({ limits: { name: 'address', per: (call) => byAddress(call, { ipv6Prefix: 56 }), requests: 300, window: 60 } })
 * ```
 *
 * @throws TypeError for wrong options; GuardError `misconfigured` where the transport told no address.
 */
export function byAddress(call: Call, options: AddressKeyOptions = {}): string {
  checkOptions('byAddress', options, checks)
  const { ipv4Prefix = 32, ipv6Prefix = 64 } = options
  const address = call.channel?.remoteAddress
  const parts = address === undefined ? undefined : addressParts(address)
  if (parts === undefined) throw new GuardError('misconfigured', { reason: 'byAddress: the transport told no address' })
  return parts.length === 4 ? `${cut(parts, ipv4Prefix, 8).join('.')}/${ipv4Prefix}` : `${hexadecimal(cut(parts, ipv6Prefix, 16))}/${ipv6Prefix}`
}

/** An address as numbers: four of 8 bits, or eight of 16 (RFC 4291, section 2.2). Undefined for what is none. */
function addressParts(address: string): number[] | undefined {
  // What stands behind a percent sign names an interface of this machine.
  const text = address.length > 100 ? '' : (address.split('%')[0] ?? '')
  const dotted = ipv4(text)
  if (dotted !== undefined) return dotted
  const at = text.lastIndexOf(':')
  const tail = ipv4(text.slice(at + 1))
  const groups = tail === undefined ? text : `${text.slice(0, at + 1)}${hexadecimal(pairs(tail))}`
  const [before = '', after, more] = groups.split('::')
  if (more !== undefined || !groups.includes(':')) return undefined
  const left = words(before)
  const right = after === undefined ? [] : words(after)
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const parts = [...left, ...Array.from({ length: missing }, () => 0), ...right]
  // ::ffff:192.0.2.1 (RFC 4291, section 2.5.5.2).
  const [high = 0, low = 0] = parts.slice(6)
  const isMapped = parts[5] === 0xffff && parts.slice(0, 5).every((part) => part === 0)
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255] : parts
}

function ipv4(text: string): number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return undefined
  return parts.map(Number)
}

function words(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  return parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : undefined
}

function pairs([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number[] {
  return [a * 256 + b, c * 256 + d]
}

function hexadecimal(parts: readonly number[]): string {
  return parts.map((part) => part.toString(16)).join(':')
}

// Each number's bits beyond the prefix become zero.
function cut(parts: readonly number[], prefix: number, width: number): number[] {
  return parts.map((part, index) => {
    const kept = Math.min(width, Math.max(0, prefix - index * width))
    return kept === 0 ? 0 : (part >> (width - kept)) << (width - kept)
  })
}
