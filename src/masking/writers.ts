import { GuardError } from '../guard/errors.ts'
import { alphanumeric, classOf } from './character-classes.ts'
import type { KeyedHash } from './keyed-hash.ts'
import type { MaskMode } from './modes.ts'
import { surrogateWriter } from './surrogate.ts'

/** Writes the replacement of a finding. */
export type Write = (type: string, value: string) => string

/** The writer of a mode that needs no memory. @throws TypeError where `hash` has no key, and where `surrogate` has none or is not loaded. */
export function writerOf(mode: Exclude<MaskMode, 'pseudonym'>, hash: KeyedHash | undefined): Write {
  if (mode === 'redact') return (type) => `[${type}]`
  if (mode === 'partial') return (_type, value) => partial(value)
  if (mode === 'block') return block
  if (hash === undefined) throw new TypeError(`mode '${mode}' needs a key: without one a short text can be found by trying`)
  if (mode === 'surrogate') return surrogateWriter(hash)
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

/** Bytes in hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
