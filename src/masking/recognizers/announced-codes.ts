import { alphanumeric, classOf, digit, hyphen, letter, lower, space, underscore, upper } from '../character-classes.ts'
import { type Glance, type Recognizer, wordStart } from '../recognizer.ts'

const maxLetters = 6
const maxCode = 20

interface AnnouncedCode {
  readonly type: string
  /** Without separators. */
  readonly shortest: number
  readonly longest: number
  readonly digits: number
  /** How far before it the word may stand. */
  readonly within: number
  /** Classes of what may part its groups. */
  readonly separators: number
}

/** Codes that every country forms in its own way, so that only a word before them tells what they are. */
function announcedCode({ type, shortest, longest, digits, within, separators }: AnnouncedCode): Recognizer {
  return {
    types: [type],
    openings: [...'0123456789'].map((character) => `${character}?`),
    isLong: true,
    unlessAfter: digit | underscore,
    reachBack: (text, index) => startOfCode((at) => text.charCodeAt(at), index),
    maxLength: maxCode + 8,
    look(glance, at) {
      const start = glance.word(at)
      if (start === -1 || at - start > maxLetters || glance.isSilent(start) || isLaterGroup(glance, start)) return
      const end = endOfCode(glance, start, separators)
      if (read.characters < shortest || read.characters > longest || read.digits < digits) return
      const context = glance.context(start)
      if (context.distance(type) <= within && context.announces(type)) glance.found(type, start, end, 0.75)
    },
  }
}

// Behind a group of capitals and digits it is that one that a word announces.
function isLaterGroup(glance: Glance, start: number): boolean {
  if ((classOf(glance.at(start - 1)) & (space | hyphen)) === 0) return false
  let digits = 0
  let index = start - 2
  for (; index > start - 8; index--) {
    const bits = classOf(glance.at(index))
    if ((bits & (upper | digit)) === 0) break
    if ((bits & digit) !== 0) digits++
  }
  return digits > 0 && start - 2 - index > 1
}

function startOfCode(unitAt: (index: number) => number, at: number): number {
  let start = at
  while (at - start < maxLetters && (classOf(unitAt(start - 1)) & letter) !== 0) start--
  return start
}

// What was read last, without separators; a look is one synchronous step.
const read = { characters: 0, digits: 0 }

// Letters and digits; behind a separator further groups of capitals and digits that hold a digit.
function endOfCode(glance: Glance, start: number, separators: number): number {
  let index = start
  let end = start
  let characters = 0
  let digits = 0
  read.characters = read.digits = 0
  for (;;) {
    const before = digits
    for (; index < start + maxCode + 8; index++) {
      const bits = classOf(glance.at(index))
      if ((bits & (end === start ? alphanumeric : upper | digit)) === 0) break
      // Small letters behind digits are of a hash, not of such a code.
      if ((bits & lower) !== 0 && digits > 0) return start
      characters++
      if ((bits & digit) !== 0) digits++
    }
    if (digits === before || (classOf(glance.at(index)) & (alphanumeric | underscore)) !== 0) return end
    end = index
    read.characters = characters
    read.digits = digits
    if (index >= start + maxCode || (classOf(glance.at(index)) & separators) === 0) return end
    index++
  }
}

/** Passport and identity card numbers behind a word that says so. */
export const passport: Recognizer = announcedCode({ type: 'PASSPORT', shortest: 6, longest: 10, digits: 5, within: 24, separators: space })

/** Driving licence numbers behind a word that says so. */
export const drivingLicence: Recognizer = announcedCode({
  type: 'DRIVER_LICENSE',
  shortest: 5,
  longest: 18,
  digits: 4,
  within: 24,
  separators: space | hyphen,
})

// The values of letters and the weights of places (49 CFR 565.15).
const values = '0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ'
const weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]

/** Whether the ninth character of a vehicle identification number is the check digit of the others. */
function isCheckedVehicle(vin: string): boolean {
  let sum = 0
  for (let index = 0; index < 17; index++) sum += (values.indexOf(vin.charAt(index)) % 10) * (weights[index] ?? 0)
  return vin.charAt(8) === 'X0123456789'.charAt(((sum % 11) + 1) % 11)
}

/** Vehicle identification numbers (ISO 3779): with a right check digit, or behind a word that says so. */
export const vehicle: Recognizer = {
  types: ['VIN'],
  openings: [...'0123456789'].map((character) => `${character}?`),
  isLong: true,
  unlessAfter: digit | underscore,
  reachBack: (text, index) => {
    const start = wordStart(text, index)
    return start === -1 ? index : start
  },
  maxLength: 17,
  look(glance, at) {
    const start = glance.word(at)
    if (start === -1) return
    for (let index = at; index < start + 17; index++) if ((classOf(glance.at(index)) & alphanumeric) === 0) return
    if ((classOf(glance.at(start + 17)) & (alphanumeric | underscore)) !== 0) return
    const vin = glance.slice(start, start + 17).toUpperCase()
    if (!/^[A-HJ-NPR-Z0-9]{13}[0-9]{4}$/.test(vin) || !/[A-Z].*[A-Z]/.test(vin)) return
    if (glance.context(start).announces('VIN')) glance.found('VIN', start, start + 17, 0.9)
    else if (isCheckedVehicle(vin) && !glance.context(start).isOther && vin === glance.slice(start, start + 17))
      glance.found('VIN', start, start + 17, 0.8)
  },
}
