import { luhn } from './check-digits.ts'
import { identifiers } from './identifiers/all.ts'
import type { KeyedHash } from './keyed-hash.ts'

/** Encrypts digits to as many digits (NIST SP 800-38G). */
interface DigitCipher {
  encrypt(digits: number[]): number[]
}

let loaded: ((radix: number, key: Uint8Array, tweak?: Uint8Array) => DigitCipher) | undefined

/**
 * Loads what mode `surrogate` encrypts digits with. `maskData` does it by itself; a `masker` needs it before it is made.
 */
export async function loadSurrogates(): Promise<void> {
  loaded ??= (await import('@noble/ciphers/ff1.js')).FF1
}

/** Whether `loadSurrogates` is still to be called. */
export function areSurrogatesMissing(): boolean {
  return loaded === undefined
}

// FF1 wants a million possibilities at least (SP 800-38G Revision 1, section 5.1).
const leastDigits = 6
const alphabet = 'abcdefghjkmnpqrstvwxyz0123456789'

/** Writes values that look like others and belong to nobody; the same value gets the same one. */
export function surrogateWriter(hash: KeyedHash): (type: string, value: string) => string {
  const key = hash('sallyport surrogate key')
  const ciphers = new Map<string, DigitCipher>()
  const cipherOf = (type: string): DigitCipher => {
    const known = ciphers.get(type)
    if (known !== undefined) return known
    if (loaded === undefined) throw new TypeError("mode 'surrogate': await loadSurrogates() first")
    const made = loaded(10, key, new TextEncoder().encode(type))
    ciphers.set(type, made)
    return made
  }
  return (type, value) => {
    const bytes = hash(`sallyport surrogate\n${type}\n${value}`)
    const special = writers[type]
    if (special !== undefined) return special(bytes, value)
    const isValid = checks.get(type)
    return isValid === undefined ? `[${type}]` : wrong(sameForm(cipherOf(type), bytes, value), isValid)
  }
}

/** What has digits to be encrypted, and what makes such a value a right one: a surrogate never is. */
const checks: ReadonlyMap<string, (text: string) => boolean> = /* @__PURE__ */ new Map([
  ...Object.values(identifiers).map(({ type, isValid }) => [type, (text: string) => isValid(text)] as const),
  ['CARD', luhn],
  ['IBAN', () => false],
  ['PASSPORT', () => false],
  ['DRIVER_LICENSE', () => false],
  ['VIN', () => false],
])

/** By type: reserved domains (RFC 2606), numbers for fiction (NANP 555-01XX), documentation addresses (RFC 5737, 3849, 7042). */
const writers: Readonly<Record<string, (bytes: Uint8Array, value: string) => string>> = {
  EMAIL: (bytes) => `${letters(bytes, 12)}@example.com`,
  PHONE: (bytes) => `+1-${200 + (at(bytes, 0) % 80) * 10 + 2 + (at(bytes, 1) % 8)}-555-01${String(at(bytes, 2) % 100).padStart(2, '0')}`,
  // A prefix length says how large a network is, and stays.
  IP_ADDRESS: (bytes, value) =>
    (value.includes(':')
      ? `2001:db8:${hexAt(bytes, 0)}:${hexAt(bytes, 2)}::${hexAt(bytes, 4)}`
      : `${['192.0.2', '198.51.100', '203.0.113'][at(bytes, 0) % 3]}.${at(bytes, 1)}`) + (/\/\d{1,3}$/.exec(value)?.[0] ?? ''),
  MAC_ADDRESS: (bytes) => `00:00:5e:00:53:${at(bytes, 0).toString(16).padStart(2, '0')}`,
  // The year says enough for what is asked of a date.
  DATE_OF_BIRTH: (_bytes, value) => `${/(?:19|20)\d\d/.exec(value)?.[0] ?? '1970'}-01-01`,
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}

function hexAt(bytes: Uint8Array, index: number): string {
  return ((at(bytes, index) << 8) | at(bytes, index + 1)).toString(16)
}

function letters(bytes: Uint8Array, count: number): string {
  return Array.from(bytes.subarray(0, count), (byte) => alphabet.charAt(byte & 31)).join('')
}

// Digits encrypted, letters chosen anew, everything else as it stands.
function sameForm(cipher: DigitCipher, bytes: Uint8Array, value: string): string {
  const digits = Array.from(value.replaceAll(/\D/g, ''), Number)
  const encrypted = digits.length >= leastDigits ? cipher.encrypt(digits) : digits.map((_, index) => at(bytes, index) % 10)
  let digit = 0
  let letter = 0
  return value.replaceAll(/[0-9A-Za-z]/g, (character) => {
    if (character >= '0' && character <= '9') return String(encrypted[digit++] ?? 0)
    const code = (character < 'a' ? 65 : 97) + (at(bytes, letter++ % bytes.length) % 26)
    return String.fromCharCode(code)
  })
}

// Of ten last digits some are wrong.
function wrong(value: string, isValid: (text: string) => boolean): string {
  const last = value.search(/\d(?=\D*$)/)
  let text = value
  for (let step = 0; step < 10 && isValid(text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')); step++)
    text = value.slice(0, last) + ((Number(value.charAt(last)) + step + 1) % 10) + value.slice(last + 1)
  return text
}
