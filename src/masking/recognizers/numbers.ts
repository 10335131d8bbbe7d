import { alphanumeric, classOf, digit, type Glance, type Recognizer, underscore } from '../recognizer.ts'

/**
 * Whether what begins here is only a later part of a longer thing: a group of a UUID, of a version, of an order number.
 * A hyphen binds to letters and digits, other separators to digits.
 */
export function continuesNumber(glance: Glance, at: number): boolean {
  const before = glance.at(at - 1)
  if (before === 45) return (classOf(glance.at(at - 2)) & alphanumeric) !== 0
  if (before === 46 || before === 47 || before === 44) return (classOf(glance.at(at - 2)) & digit) !== 0
  return false
}

/** Whether a number that ends here goes on as something longer: `-4f`, `.7`, `_x`, a letter. */
export function isContinued(glance: Glance, end: number): boolean {
  const code = glance.at(end)
  if ((classOf(code) & alphanumeric) !== 0 || code === 95 || code === 64) return true
  if (code === 45) return (classOf(glance.at(end + 1)) & alphanumeric) !== 0
  if (code === 46 || code === 47 || code === 44 || code === 58) return (classOf(glance.at(end + 1)) & digit) !== 0
  return false
}

/** United States social security numbers, `ddd-dd-dddd` or with spaces, without the numbers that are never given out. */
export const usSsn: Recognizer = {
  type: 'US_SSN',
  score: 0.8,
  triggers: '012345678',
  unlessAfter: alphanumeric | underscore,
  reach: 0,
  maxLength: 11,
  look(glance, at) {
    for (let index = 1; index < 3; index++) if ((classOf(glance.at(at + index)) & digit) === 0) return
    const separator = glance.at(at + 3)
    if ((separator !== 45 && separator !== 32) || continuesNumber(glance, at)) return
    for (let index = 4; index < 11; index++) {
      const code = glance.at(at + index)
      if (index === 6 ? code !== separator : (classOf(code) & digit) === 0) return
    }
    if (isContinued(glance, at + 11)) return
    const area = glance.slice(at, at + 3)
    if (area === '000' || area === '666' || glance.slice(at + 4, at + 6) === '00' || glance.slice(at + 7, at + 11) === '0000') return
    glance.found(at, at + 11, usSsn.score)
  },
}

/** IPv4 addresses in dotted decimals (RFC 791, RFC 6943 section 3.1.1: four decimals without leading zeros). */
export const ipAddress: Recognizer = {
  type: 'IP_ADDRESS',
  score: 0.8,
  triggers: '0123456789',
  unlessAfter: alphanumeric | underscore,
  reach: 0,
  maxLength: 15,
  look(glance, at) {
    let index = at
    for (let part = 0; part < 4; part++) {
      if (part > 0 && glance.at(index++) !== 46) return
      const first = index
      let value = 0
      for (; index < first + 3; index++) {
        const code = glance.at(index)
        if ((classOf(code) & digit) === 0) break
        value = value * 10 + code - 48
      }
      if (index === first || value > 255 || (glance.at(first) === 48 && index > first + 1)) return
    }
    // A port or a prefix length behind it is no part of a longer number.
    const next = glance.at(index)
    if (next !== 58 && next !== 47 && isContinued(glance, index)) return
    if (!isVersion(glance, at)) glance.found(at, index, ipAddress.score)
  },
}

// The later parts of a longer number, and versions as in Chrome/120.0.0.0.
function isVersion(glance: Glance, at: number): boolean {
  const before = glance.at(at - 1)
  return (before === 46 || before === 47) && (classOf(glance.at(at - 2)) & alphanumeric) !== 0
}
