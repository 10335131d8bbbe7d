/** Check-digit schemes, by the standards that name them. Each takes the whole number, its check characters included. */

function digitAt(text: string, index: number): number {
  return text.charCodeAt(index) - 48
}

/** Luhn (ISO/IEC 7812-1, annex B). */
export function luhn(digits: string): boolean {
  let sum = 0
  for (let index = digits.length - 1, isDoubled = false; index >= 0; index--, isDoubled = !isDoubled) {
    const value = digitAt(digits, index) * (isDoubled ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}

/** The sum of digits times weights; further digits count nothing. */
export function weighted(digits: string, weights: readonly number[]): number {
  let sum = 0
  for (let index = 0; index < weights.length; index++) sum += digitAt(digits, index) * (weights[index] ?? 0)
  return sum
}

/** The remainder of a decimal number of any length; letters count as 10 to 35 (ISO 7064, ISO 13616). */
export function remainder(text: string, modulus: number): number {
  let rest = 0
  for (let index = 0; index < text.length; index++) {
    const value = Number.parseInt(text.charAt(index), 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % modulus
  }
  return rest
}

/** ISO 7064, MOD 11-2: ten digits and X. */
export function mod11x2(text: string): boolean {
  let product = 0
  for (let index = 0; index < text.length - 1; index++) product = ((product + digitAt(text, index)) * 2) % 11
  const check = (12 - product) % 11
  return text.at(-1)?.toUpperCase() === (check === 10 ? 'X' : String(check))
}

/** ISO 7064, MOD 11,10. */
export function mod11x10(digits: string): boolean {
  let product = 10
  for (let index = 0; index < digits.length - 1; index++) {
    const sum = (product + digitAt(digits, index)) % 10
    product = ((sum === 0 ? 10 : sum) * 2) % 11
  }
  return (product + digitAt(digits, digits.length - 1)) % 10 === 1
}

// Verhoeff's tables: the dihedral group D5 and powers of a permutation.
const multiplied = '0123456789123406789523401789563401289567401239567859876043216598710432765982104387659321049876543210'
const permuted = '01234567891576283094580379614289160435279453126870428657390127938064157046913258'

/** Verhoeff, 1969. */
export function verhoeff(digits: string): boolean {
  let state = 0
  for (let index = 0; index < digits.length; index++) {
    const value = digitAt(digits, digits.length - 1 - index)
    state = digitAt(multiplied, state * 10 + digitAt(permuted, (index % 8) * 10 + value))
  }
  return state === 0
}

/** Whether day, month and year are a date; a year of two digits may be of any century. */
export function isDate(day: number, month: number, year: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  if (month === 2) return day <= (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0 || year < 100) ? 29 : 28)
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31)
}

/** Whether all characters are the same, as in numbers that people write down for none. */
export function isRepeated(text: string): boolean {
  for (let index = 1; index < text.length; index++) if (text.charCodeAt(index) !== text.charCodeAt(0)) return false
  return true
}
