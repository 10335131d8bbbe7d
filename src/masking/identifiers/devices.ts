import { isRepeated, luhn } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

/** International mobile equipment identity: fifteen digits, Luhn (3GPP TS 23.003, annex B). */
export const imei: Identifier = {
  type: 'IMEI',
  forms: '###############|## ###### ###### #',
  grouped: 0.75,
  words: 'imei|imei number|device imei|imei1|imei2',
  isValid: (text) => !isRepeated(text) && luhn(text),
}
