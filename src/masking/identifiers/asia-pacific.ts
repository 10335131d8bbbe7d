import { isDate, luhn, mod11x2, verhoeff, weighted } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

/** Australian tax file number: nine digits, weighted sum divisible by 11. */
export const auTfn: Identifier = {
  type: 'AU_TFN',
  forms: '### ### ###|#########|########',
  grouped: 0.55,
  words: 'tfn|tax file|tax file number|tax file no',
  isValid: (text) => weighted(text, text.length === 9 ? [1, 4, 3, 7, 5, 8, 6, 9, 10] : [10, 7, 8, 4, 6, 3, 5, 1]) % 11 === 0,
}

/** Medicare card number: ten digits, the ninth of them a check digit, and a reference to a person. */
export const auMedicare: Identifier = {
  type: 'AU_MEDICARE',
  forms: '#### ##### #|##########|#### ##### #/#|###########',
  grouped: 0.65,
  words: 'medicare|medicare number|medicare card|medicare no',
  isValid: (text) => /^[2-6]/.test(text) && weighted(text, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === Number(text.charAt(8)),
}

/** Indian Aadhaar number: twelve digits, Verhoeff; none begins with 0 or 1, and none reads the same backwards. */
export const inAadhaar: Identifier = {
  type: 'IN_AADHAAR',
  forms: '#### #### ####|############',
  grouped: 0.7,
  words: 'aadhaar|aadhar|adhaar|uidai|uid number|आधार',
  isValid: (text) => text >= '2' && [...text].reverse().join('') !== text && verhoeff(text),
}

/** Indian permanent account number: the fourth letter is the kind of holder. */
export const inPan: Identifier = {
  type: 'IN_PAN',
  forms: 'AAAAA####A',
  plain: 0.7,
  words: 'pan|pan card|pan number|permanent account|income tax',
  isValid: (text) => /^[A-Z]{3}[ABCFGHJLPT][A-Z](?!0000)/.test(text),
}

/** Resident identity number of China (GB 11643): region, date of birth, sequence, ISO 7064 MOD 11-2. */
export const cnResidentId: Identifier = {
  type: 'CN_RESIDENT_ID',
  forms: '#################A|##################',
  plain: 0.85,
  words: '身份证|身份证号|居民身份证|公民身份号码|resident identity|identity card|id card',
  isValid: (text) =>
    /^[1-9]\d{16}[\dX]$/.test(text) &&
    isDate(Number(text.slice(12, 14)), Number(text.slice(10, 12)), Number(text.slice(6, 10))) &&
    /^(?:19|20)/.test(text.slice(6)) &&
    mod11x2(text),
}

/** Japanese individual number ("My Number"). */
export const jpMyNumber: Identifier = {
  type: 'JP_MY_NUMBER',
  forms: '#### #### ####|############',
  words: 'my number|individual number|マイナンバー|個人番号',
  isValid(text) {
    const rest = weighted(text, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
    return Number(text.charAt(11)) === (rest <= 1 ? 0 : 11 - rest)
  },
}

/** Korean resident registration number: date of birth, sex and century, sequence. Since October 2020 without a check digit. */
export const krResidentNumber: Identifier = {
  type: 'KR_RRN',
  forms: '######-#######|#############',
  grouped: 0.7,
  words: '주민등록번호|주민번호|resident registration|rrn',
  isValid: (text) => /^\d{6}[1-8]/.test(text) && isDate(Number(text.slice(4, 6)), Number(text.slice(2, 4)), Number(text.slice(0, 2))),
}

/** Singapore NRIC and FIN. */
export const sgNric: Identifier = {
  type: 'SG_NRIC',
  forms: 'A#######A',
  plain: 0.75,
  words: 'nric|fin number|singapore id|nric no',
  isValid(text) {
    const kind = text.charAt(0)
    const sum = weighted(text.slice(1), [2, 7, 6, 5, 4, 3, 2])
    if (kind === 'S' || kind === 'T') return 'JZIHGFEDCBA'.charAt((sum + (kind === 'T' ? 4 : 0)) % 11) === text.charAt(8)
    if (kind === 'F' || kind === 'G') return 'XWUTRQPNMLK'.charAt((sum + (kind === 'G' ? 4 : 0)) % 11) === text.charAt(8)
    return kind === 'M' && 'KLJNPQRTUWX'.charAt(10 - ((sum + 3) % 11)) === text.charAt(8)
  },
}

/** South African identity number: date of birth, sequence, Luhn. */
export const zaId: Identifier = {
  type: 'ZA_ID',
  forms: '###### #### ###|#############',
  plain: 0.6,
  grouped: 0.7,
  words: 'id number|identity number|south african id|rsa id|sa id|id no',
  isValid: (text) =>
    isDate(Number(text.slice(4, 6)), Number(text.slice(2, 4)), Number(text.slice(0, 2))) && /^[01]$/.test(text.charAt(10)) && luhn(text),
}
