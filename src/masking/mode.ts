import { alphanumeric, classOf } from './characters.ts'
import { GuardError } from '../guard/errors.ts'
import type { KeyedHash } from './keyed-hash.ts'

/**
 * What is written in the place of a finding.
 *
 * - `redact`: its type, as `[EMAIL]`
 * - `pseudonym`: a name that stands for it, as `EMAIL7q2k9x0m4w8z1t6h`, and can be restored
 * - `hash`: its type and HMAC-SHA-256 in full, as `[EMAIL:4be1...]`
 * - `partial`: stars, but for the last four letters and digits, as `**** **** **** 1111`
 * - `block`: nothing; the text is refused with `payload_blocked`
 */
export type MaskMode = 'redact' | 'pseudonym' | 'hash' | 'partial' | 'block'

const modes: readonly unknown[] = ['redact', 'pseudonym', 'hash', 'partial', 'block']

/** Whether a value names a mode. */
export function isMode(value: unknown): value is MaskMode {
  return modes.includes(value)
}

/** Writes the replacement of a finding. */
export type Write = (type: string, value: string) => string

/** The writer of a mode that needs no memory. @throws TypeError where `hash` has no key. */
export function writerOf(mode: Exclude<MaskMode, 'pseudonym'>, hash: KeyedHash | undefined): Write {
  if (mode === 'redact') return (type) => `[${type}]`
  if (mode === 'partial') return (_type, value) => partial(value)
  if (mode === 'block') return block
  if (hash === undefined) throw new TypeError("mode 'hash' needs a key: an unkeyed hash of a short text is the text")
  return (type, value) => `[${type}:${hex(hash(`sallyport hash\n${type}\n${value}`))}]`
}

function block(type: string): never {
  throw new GuardError('payload_blocked', { reason: `found ${type}` })
}

// Of a short value four characters would be too much of it.
const shown = 4
const leastShown = 12
const longest = 64

function partial(value: string): string {
  let count = 0
  for (let index = 0; index < value.length; index++) if (isShown(value, index)) count++
  const kept = count >= leastShown ? shown : 0
  const from = Math.max(0, value.length - longest)
  let left = count
  let text = ''
  for (let index = 0; index < value.length; index++) {
    if (isShown(value, index)) left--
    else if (value.charCodeAt(index) < 128) {
      if (index >= from) text += value.charAt(index)
      continue
    }
    if (index >= from) text += isShown(value, index) && left < kept ? value.charAt(index) : '*'
  }
  return text
}

function isShown(value: string, index: number): boolean {
  return (classOf(value.charCodeAt(index)) & alphanumeric) !== 0
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
