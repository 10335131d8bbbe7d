import { alphanumeric, classOf, digit, letter, underscore } from '../character-classes.ts'
import { isDate } from '../check-digits.ts'
import { plainText } from '../plain-text.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

// By month, in English, German, French, Spanish, Italian, Portuguese, Polish, Dutch and Russian, without marks, as plain text has them.
const names =
  'january jan januar janvier enero ene gennaio janeiro stycznia januari января|february feb februar fevrier fevr febrero febbraio fevereiro lutego februari февраля|' +
  'march mar marz mars marzo marco marca maart марта|april apr avril abril abr aprile kwietnia апреля|may mai mayo maggio maio maja mei мая|' +
  'june jun juni juin junio giugno junho czerwca июня|july jul juli juillet julio luglio julho lipca июля|august aug aout agosto ago sierpnia augustus августа|' +
  'september sep sept septembre septiembre settembre setembro wrzesnia сентября|october oct oktober okt octobre octubre ottobre outubro pazdziernika октября|' +
  'november nov novembre noviembre novembro listopada ноября|december dec dezember dez decembre diciembre dicembre dezembro grudnia декабря'

let months: ReadonlyMap<string, number> | undefined

function monthOf(word: string): number {
  months ??= new Map(names.split('|').flatMap((all, index) => all.split(' ').map((name) => [plainText(name).text, index + 1] as const)))
  if (word.length < 3 || !mayBeMonth(word.charCodeAt(0))) return 0
  return months.get(word.toLowerCase()) ?? (isAscii(word) ? 0 : (months.get(withoutMarks(word).toLowerCase()) ?? 0))
}

// No month begins with the letters that most words begin with.
function mayBeMonth(first: number): boolean {
  return first > 127 || 'jfmasondeglpwkc'.includes(String.fromCharCode(first | 32))
}

function withoutMarks(word: string): string {
  return word.normalize('NFD').replaceAll(/[\u0300-\u036f]/g, '')
}

function isAscii(word: string): boolean {
  for (let index = 0; index < word.length; index++) if (word.charCodeAt(index) > 127) return false
  return true
}

const maxName = 13
const oldest = 1900
const youngest = 2035

/** Dates, in digits or with the name of a month, where a word says that somebody was born then. */
export const dateOfBirth: Recognizer = {
  types: ['DATE_OF_BIRTH'],
  openings: [...'0123456789'].map((character) => `${character}?`),
  unlessAfter: alphanumeric | underscore,
  // The name of a month, and a blank behind it.
  reachBack: (text, index) => {
    const start = startOfMonth((at) => text.charCodeAt(at), index)
    if (start === -1) return index
    const word = text.slice(start, index)
    const name = word.replaceAll(/[ .]/g, '')
    return name === word || monthOf(name) > 0 ? start : index
  },
  maxLength: 32,
  isNumber: true,
  look(glance, at) {
    if (glance.isSilent(at) || !mayBeDate(glance, at)) return
    const month = monthBefore(glance, at)
    if (month !== -1 && month < at - 2) {
      const word = monthOf(glance.slice(month, at).replaceAll(/[ .]/g, ''))
      const end = word === 0 ? -1 : endBehindMonth(glance, at, word)
      if (end !== -1 && isAnnounced(glance, month)) glance.found('DATE_OF_BIRTH', month, end, 0.85)
      if (word !== 0) return
    }
    const end = endOfDate(glance, at)
    if (end !== -1 && isAnnounced(glance, at)) glance.found('DATE_OF_BIRTH', at, end, 0.85)
  },
}

// Up to four digits and what parts a date, or eight: most numbers are none.
function mayBeDate(glance: Glance, at: number): boolean {
  const first = numberAt(glance, at, 4)
  if ((classOf(glance.at(first)) & digit) !== 0) return numberAt(glance, at, 9) === at + 8
  const code = glance.at(first)
  return code === 45 || code === 47 || code === 46 || code === 32 || code === 44 || code === 0x5e74 || (classOf(code) & letter) !== 0
}

function monthBefore(glance: Glance, at: number): number {
  const before = glance.at(at - 1)
  return before === 32 || before === 46 ? startOfMonth((index) => glance.at(index), at) : -1
}

function isAnnounced(glance: Glance, at: number): boolean {
  return glance.context(at).announces('DATE_OF_BIRTH')
}

function isNamePart(code: number): boolean {
  return (classOf(code) & letter) !== 0 || (code >= 0xc0 && code < 0x530)
}

function startOfMonth(unitAt: (index: number) => number, at: number): number {
  let end = at
  while (end > at - 2 && (unitAt(end - 1) === 32 || unitAt(end - 1) === 46)) end--
  let start = end
  while (end - start < maxName && isNamePart(unitAt(start - 1))) start--
  return end - start < 3 || isNamePart(unitAt(start - 1)) ? -1 : start
}

function numberAt(glance: Glance, at: number, most: number): number {
  let index = at
  while (index < at + most && (classOf(glance.at(index)) & digit) !== 0) index++
  return index
}

function isYear(year: number, digits: number): boolean {
  return digits === 2 || (digits === 4 && year >= oldest && year <= youngest)
}

function isOver(glance: Glance, end: number): boolean {
  return (classOf(glance.at(end)) & (alphanumeric | underscore)) === 0
}

// Behind the name: `5, 1980`, `5th, 1980`.
function endBehindMonth(glance: Glance, at: number, month: number): number {
  let index = numberAt(glance, at, 2)
  const day = Number(glance.slice(at, index))
  if ((classOf(glance.at(index)) & letter) !== 0 && (classOf(glance.at(index + 1)) & letter) !== 0) index += 2
  const separator = index
  while (index < separator + 2 && (glance.at(index) === 44 || glance.at(index) === 32)) index++
  const end = numberAt(glance, index, 4)
  const year = Number(glance.slice(index, end))
  return index > separator && end - index === 4 && isYear(year, 4) && isDate(day, month, year) && isOver(glance, end) ? end : -1
}

function endOfDate(glance: Glance, at: number): number {
  const first = numberAt(glance, at, 4)
  if ((classOf(glance.at(first)) & digit) !== 0) return endOfCompact(glance, at)
  const separator = glance.at(first)
  const start = Number(glance.slice(at, first))
  const mayBeDay = first - at <= 2 && start >= 1 && start <= 31
  if (separator === 0x5e74) return endOfFarEastern(glance, first, start)
  if (separator === 45 || separator === 47 || separator === 46 || separator === 32) {
    let from = first + 1
    if (separator === 46 && glance.at(from) === 32) from++
    const second = numberAt(glance, from, 2)
    if (second === from) return mayBeDay && (separator === 46 || separator === 32 || separator === 45) ? endBehindDay(glance, from, start) : -1
    if (glance.at(second) !== separator || separator === 32) return -1
    let last = second + 1
    if (separator === 46 && glance.at(last) === 32) last++
    const end = numberAt(glance, last, 4)
    const middle = Number(glance.slice(from, second))
    const rest = Number(glance.slice(last, end))
    if (!isOver(glance, end)) return glance.at(end) === 84 && first - at === 4 && isDate(rest, middle, start) ? end : -1
    if (first - at === 4) return isYear(start, 4) && end - last <= 2 && isDate(rest, middle, start) ? end : -1
    return first - at <= 2 && isYear(rest, end - last) && (isDate(start, middle, rest) || isDate(middle, start, rest)) ? end : -1
  }
  return mayBeDay && (classOf(separator) & letter) !== 0 ? endBehindDay(glance, first, start) : -1
}

// 19800305, 05031980.
function endOfCompact(glance: Glance, at: number): number {
  const end = numberAt(glance, at, 9)
  if (end - at !== 8 || !isOver(glance, end) || glance.context(at).distance('DATE_OF_BIRTH') > 6) return -1
  const [one, two, three, four] = [0, 2, 4, 6].map((offset) => Number(glance.slice(at + offset, at + offset + 2))) as [number, number, number, number]
  const isYearFirst = isYear(one * 100 + two, 4) && isDate(four, three, one * 100 + two)
  const last = three * 100 + four
  return isYearFirst || (isYear(last, 4) && (isDate(one, two, last) || isDate(two, one, last))) ? end : -1
}

// Behind a day: `5 March 1980`, `5th of March 1980`, `5. März 1980`, `5 de marzo de 1980`.
function endBehindDay(glance: Glance, at: number, day: number): number {
  let index = at
  for (let word = 0; word < 3; word++) {
    while (index < at + 24 && (glance.at(index) === 32 || glance.at(index) === 46 || glance.at(index) === 45)) index++
    const from = index
    while (index < from + maxName && isNamePart(glance.at(index))) index++
    if (index === from) return -1
    const month = monthOf(glance.slice(from, index))
    if (month === 0) continue
    while (index < from + 24 && (glance.at(index) === 32 || glance.at(index) === 44 || glance.at(index) === 46 || glance.at(index) === 45)) index++
    for (const joint of ['de ', 'del ', 'of '])
      if (glance.startsWith(joint, index)) {
        index += joint.length
        break
      }
    const end = numberAt(glance, index, 4)
    const year = Number(glance.slice(index, end))
    return end - index === 4 && isYear(year, 4) && isDate(day, month, year) && isOver(glance, end) ? end : -1
  }
  return -1
}

// 1980年3月5日, 1980년 3월 5일.
function endOfFarEastern(glance: Glance, at: number, year: number): number {
  const month = numberAt(glance, at + 1, 2)
  if (glance.at(month) !== 0x6708) return -1
  const day = numberAt(glance, month + 1, 2)
  if (!isYear(year, 4) || !isDate(Number(glance.slice(month + 1, day)), Number(glance.slice(at + 1, month)), year)) return -1
  return glance.at(day) === 0x65e5 ? day + 1 : day
}
