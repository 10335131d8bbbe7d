import { isDate, isRepeated, luhn, mod11x10, remainder, weighted } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

/** German tax identification number (§ 139b AO): eleven digits, ISO 7064 MOD 11,10; among the first ten one digit twice or three times. */
export const deTaxId: Identifier = {
  type: 'DE_TAX_ID',
  forms: '## ### ### ###|###########',
  grouped: 0.75,
  words:
    'steuer id|steuerid|steueridnr|idnr|steuer identifikationsnummer|steueridentifikationsnummer|identifikationsnummer|steuernummer|steuerliche identifikationsnummer|tax id|tax identification number|tin',
  isValid(text) {
    if (text.charAt(0) === '0' || !mod11x10(text)) return false
    const counts = Array.from({ length: 10 }, () => 0)
    for (const digit of text.slice(0, 10)) counts[Number(digit)] = (counts[Number(digit)] ?? 0) + 1
    return counts.filter((count) => count > 1).length === 1 && Math.max(...counts) <= 3
  },
}

const controlLetters = 'TRWAGMYFPDXBNJZSQVHLCKE'

/** Spanish tax number of citizens (DNI): eight digits and a letter by modulus 23. */
export const esNif: Identifier = {
  type: 'ES_NIF',
  forms: '######## A|##.###.### A|##.###.###-A|########A',
  grouped: 0.75,
  plain: 0.75,
  words: 'nif|dni|documento nacional de identidad|numero de identificacion fiscal|documento de identidad',
  isValid: (text) => controlLetters.charAt(Number(text.slice(0, 8)) % 23) === text.charAt(8) && text.slice(0, 8) !== '00000000',
}

/** Spanish number of foreigners: X, Y or Z, seven digits, and a letter. */
export const esNie: Identifier = {
  type: 'ES_NIE',
  forms: 'A ####### A|A#######A|A#######-A',
  grouped: 0.8,
  plain: 0.75,
  words: 'nie|numero de identidad de extranjero|tarjeta de residencia',
  isValid(text) {
    const kind = 'XYZ'.indexOf(text.charAt(0))
    return kind !== -1 && controlLetters.charAt(Number(kind + text.slice(1, 8)) % 23) === text.charAt(8)
  },
}

// Values of characters at odd places of an Italian tax code (decree of 12 March 1974); letters count like digits.
const oddValues = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]

/** Italian tax code of persons: name, date of birth, municipality, check letter. */
export const itFiscalCode: Identifier = {
  type: 'IT_FISCAL_CODE',
  forms: 'AAAAAA##A##A###A',
  plain: 0.9,
  words: 'codice fiscale|cod fisc|codfisc|c f|fiscal code',
  isValid(text) {
    if (!/^[A-Z]{6}\d\d[A-EHLMPRST](?:[04][1-9]|[1256]\d|[37][01])/.test(text)) return false
    let sum = 0
    for (let index = 0; index < 15; index++) {
      const value = Number.parseInt(text.charAt(index), 36)
      const order = value > 9 ? value - 10 : value
      sum += index % 2 === 0 ? (oddValues[order] ?? 0) : order
    }
    return String.fromCharCode(65 + (sum % 26)) === text.charAt(15)
  },
}

/** French social security number (NIR): sex, year, month, department, municipality, order, key modulo 97. */
export const frNir: Identifier = {
  type: 'FR_NIR',
  forms: '# ## ## ## ### ### ##|############# ##|###############|# ## ## #A ### ### ##|######A########',
  grouped: 0.9,
  plain: 0.8,
  words: 'nir|securite sociale|numero de securite sociale|n securite sociale|num secu|numero secu|secu|insee',
  isValid(text) {
    const month = Number(text.slice(3, 5))
    if (!/^[1-478]/.test(text) || !((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50)) return false
    const island = text.charAt(6)
    if (island !== 'A' && island !== 'B' && /\D/.test(island)) return false
    // Without its key nothing can be checked.
    if (text.length !== 15) return false
    const number = text.slice(0, 13).replace('2A', '19').replace('2B', '18')
    return 97 - remainder(number, 97) === Number(text.slice(13))
  },
}

/** Polish PESEL: date of birth with the century in the month, sequence, check digit. */
export const plPesel: Identifier = {
  type: 'PL_PESEL',
  forms: '###########',
  plain: 0.6,
  words: 'pesel|numer pesel|nr pesel',
  isValid(text) {
    const month = Number(text.slice(2, 4))
    return isDate(Number(text.slice(4, 6)), month % 20, Number(text.slice(0, 2))) && weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0
  },
}

/** Polish tax number. */
export const plNip: Identifier = {
  type: 'PL_NIP',
  forms: '###-###-##-##|###-##-##-###|### ### ## ##|##########|AA##########',
  grouped: 0.75,
  words: 'nip|numer identyfikacji podatkowej|nr nip|numer nip|podatnika',
  isValid(text) {
    const number = text.startsWith('PL') ? text.slice(2) : text
    return /^[1-9]\d{9}$/.test(number) && weighted(number, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === Number(number.charAt(9))
  },
}

/** Dutch citizen service number: nine digits, the eleven test. */
export const nlBsn: Identifier = {
  type: 'NL_BSN',
  forms: '#########|####.##.###|#### ## ###',
  words: 'bsn|burgerservicenummer|sofinummer|citizen service number',
  isValid: (text) => !isRepeated(text) && weighted(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0,
}

/** Belgian national register number: date of birth, sequence, modulus 97. */
export const beNationalNumber: Identifier = {
  type: 'BE_NATIONAL_NUMBER',
  forms: '##.##.##-###.##|###########|## ## ## ### ##',
  grouped: 0.9,
  plain: 0.6,
  words: 'rijksregisternummer|insz|niss|numero national|numero de registre national|registre national|national register',
  isValid(text) {
    const month = Number(text.slice(2, 4))
    if (month > 12 || Number(text.slice(4, 6)) > 31 || month === 0) return false
    const check = Number(text.slice(9))
    return 97 - (Number(text.slice(0, 9)) % 97) === check || 97 - (Number(`2${text.slice(0, 9)}`) % 97) === check
  },
}

/** Swiss social insurance number (AHV): 756, nine digits, the check digit of an EAN. */
export const chAhv: Identifier = {
  type: 'CH_AHV',
  forms: '###.####.####.##|### #### #### ##|#############',
  grouped: 0.95,
  plain: 0.8,
  words: 'ahv|avs|ahv nummer|sozialversicherungsnummer|numero avs',
  isValid: (text) => text.startsWith('756') && weighted(text, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0,
}

/** Swedish personal number: date of birth, sequence, Luhn. */
export const sePersonalNumber: Identifier = {
  type: 'SE_PERSONAL_NUMBER',
  forms: '######-####|########-####|############|##########',
  grouped: 0.7,
  words: 'personnummer|personnr|samordningsnummer|swedish personal',
  isValid(text) {
    const short = text.slice(-10)
    return (
      (text.length === 10 || /^(?:19|20)/.test(text)) &&
      isDate(Number(short.slice(4, 6)) % 60, Number(short.slice(2, 4)), Number(short.slice(0, 2))) &&
      luhn(short)
    )
  },
}

/** Portuguese tax number. */
export const ptNif: Identifier = {
  type: 'PT_NIF',
  forms: '#########|### ### ###',
  words: 'nif|numero de contribuinte|contribuinte|numero de identificacao fiscal',
  isValid(text) {
    const rest = weighted(text, [9, 8, 7, 6, 5, 4, 3, 2]) % 11
    return /^[1-35689]/.test(text) && Number(text.charAt(8)) === (rest < 2 ? 0 : 11 - rest)
  },
}

/** Croatian personal number: ISO 7064 MOD 11,10. */
export const hrOib: Identifier = {
  type: 'HR_OIB',
  forms: '###########',
  words: 'oib|osobni identifikacijski broj',
  isValid: mod11x10,
}

/** Turkish identity number. */
export const trIdentityNumber: Identifier = {
  type: 'TR_IDENTITY_NUMBER',
  forms: '###########',
  words: 'tc kimlik|kimlik no|tckn|t c kimlik no|kimlik numarasi',
  isValid(text) {
    const odd = weighted(text, [1, 0, 1, 0, 1, 0, 1, 0, 1])
    const even = weighted(text, [0, 1, 0, 1, 0, 1, 0, 1])
    const tenth = (((odd * 7 - even) % 10) + 10) % 10
    return text.charAt(0) !== '0' && tenth === Number(text.charAt(9)) && (odd + even + tenth) % 10 === Number(text.charAt(10))
  },
}
