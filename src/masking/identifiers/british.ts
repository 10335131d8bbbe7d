import { weighted } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

const noPrefixes: ReadonlySet<string> = new Set(['BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ'])

/** National insurance number (HMRC, NIM39110): two letters, six digits, a letter from A to D. */
export const ukNino: Identifier = {
  type: 'UK_NINO',
  forms: 'AA ## ## ## A|AA ###### A|AA######A',
  grouped: 0.8,
  plain: 0.7,
  words: 'nino|ni number|ni no|national insurance|national insurance number|insurance no',
  isValid(text) {
    if (!/^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/.test(text)) return false
    return !noPrefixes.has(text.slice(0, 2))
  },
}

/** NHS number: ten digits, modulus 11 (NHS Data Dictionary). */
export const ukNhs: Identifier = {
  type: 'UK_NHS',
  forms: '### ### ####|##########',
  grouped: 0.6,
  words: 'nhs|nhs number|nhs no|national health service|patient number|health service number',
  isValid(text) {
    const check = (11 - (weighted(text, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11
    return check === Number(text.charAt(9))
  },
}

/** Irish personal public service number: seven digits, a check letter, sometimes another. */
export const iePps: Identifier = {
  type: 'IE_PPS',
  forms: '#######A|#######AA',
  plain: 0.55,
  words: 'pps|ppsn|pps number|personal public service',
  isValid(text) {
    const second = text.charAt(8)
    if (second !== '' && !/[A-IW]/.test(second)) return false
    const extra = second === '' || second === 'W' ? 0 : (second.charCodeAt(0) - 64) * 9
    return 'WABCDEFGHIJKLMNOPQRSTUV'.charAt((weighted(text, [8, 7, 6, 5, 4, 3, 2]) + extra) % 23) === text.charAt(7)
  },
}
