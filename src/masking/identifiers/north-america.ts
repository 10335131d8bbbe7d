import { luhn } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

// Printed in advertisements and sample forms, and taken out of use (Social Security Administration).
const samples: ReadonlySet<string> = new Set(['078051120', '219099999', '111111111', '222222222', '333333333'])

/** Social security number: area, group, serial; no area 000, 666, 900 to 999. */
export const usSsn: Identifier = {
  type: 'US_SSN',
  forms: '### ## ####|###.##.####|#########',
  grouped: 0.8,
  words: 'ssn|social security|social security number|social security no|soc sec|ss number|ss no|ssa number|seguro social',
  isValid: isSocial,
}

function isSocial(text: string): boolean {
  const area = text.slice(0, 3)
  if (area === '000' || area === '666' || area >= '900') return false
  return text.slice(3, 5) !== '00' && text.slice(5) !== '0000' && !samples.has(text)
}

/** Individual taxpayer identification number: 9xx, and groups 50 to 65, 70 to 88, 90 to 92, 94 to 99. */
export const usItin: Identifier = {
  type: 'US_ITIN',
  forms: '### ## ####|#########',
  grouped: 0.75,
  words: 'itin|individual taxpayer|taxpayer identification number|taxpayer id|tax id|tax identification number',
  isValid(text) {
    const group = Number(text.slice(3, 5))
    return text.startsWith('9') && ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 92) || group >= 94)
  },
}

// Prefixes that the Internal Revenue Service has not given out.
const noPrefixes: ReadonlySet<number> = new Set([0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97])

/** Employer identification number. */
export const usEin: Identifier = {
  type: 'US_EIN',
  forms: '##-#######|#########',
  words:
    'ein|fein|employer identification|employer identification number|employer id|federal tax id|federal tax number|tax id|tax id number|irs number|taxpayer id',
  isValid: (text) => !noPrefixes.has(Number(text.slice(0, 2))),
}

/** Canadian social insurance number: Luhn; no number begins with 0 or 8. */
export const caSin: Identifier = {
  type: 'CA_SIN',
  forms: '### ### ###|#########',
  grouped: 0.55,
  words: 'sin|social insurance|social insurance number|sin number|numero d assurance sociale|assurance sociale|nas',
  isValid: (text) => text.charAt(0) !== '0' && text.charAt(0) !== '8' && luhn(text),
}

/** Mexican CURP: letters of the name, date of birth, sex, state, check digit. */
export const mxCurp: Identifier = {
  type: 'MX_CURP',
  forms: 'AAAA######AAAAAA##|AAAA######AAAAAAA#',
  plain: 0.85,
  words: 'curp|clave unica',
  isValid(text) {
    const alphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
    let sum = 0
    for (let index = 0; index < 17; index++) sum += alphabet.indexOf(text.charAt(index)) * (18 - index)
    return /[HMX]/.test(text.charAt(10)) && (10 - (sum % 10)) % 10 === Number(text.charAt(17))
  },
}
