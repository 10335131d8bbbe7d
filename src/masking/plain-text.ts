import { lookAlikes } from './look-alikes.ts'

/** A text as detectors see it: look-alikes folded to ASCII, invisible characters left out. */
export interface PlainText {
  readonly text: string
  /** Where each unit of it stands in the original; undefined where nothing was folded and both are the same. */
  readonly offsets: Uint32Array | undefined
}

/** How many invisible characters in a row are left out. What follows them is kept, so that a finding's length stays bounded. */
const maxInvisible = 8

/** How many units of the original one unit of the plain text can stand for: a pair, and invisible pairs before it. */
export const unitsPerPlainUnit: number = (maxInvisible + 1) * 2

// Whatever `foldOf` changes, and a little more. Linear: one class.
const foldable =
  /[\ufe00-\ufe0f\u0300-\u052f\ufe20-\ufe2f\u20d0-\u20f0\u180b-\u180f\u17b4\u17b5\u00a0\u00ad\u00b2\u00b3\u00b9\u061c\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\u115f\u1160\u2000-\u2064\u2066-\u209f\u2100-\u218f\u2212\u2460-\u24ff\u3000\u3164\ufb00-\ufb06\ufe63\ufe6b\ufeff\uff01-\uff5e\uffa0\ud835\ud83c\udb40]/

/** Whether a text has anything to fold. */
export function isFoldable(text: string): boolean {
  return foldable.test(text)
}

/** Whether a text ends in half a character, of which nothing can be said yet. */
export function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}

/**
 * Folds what reads like ASCII (compatibility forms as by NFKC, digits of other scripts, spaces, dashes, common look-alikes)
 * and leaves out what nobody sees. Each character alone, so that it does not matter how a text was cut.
 */
export function plainText(original: string): PlainText {
  if (!foldable.test(original)) return { text: original, offsets: undefined }
  let offsets = new Uint32Array(original.length + 16)
  let text = ''
  let length = 0
  let invisible = 0
  let from = 0
  for (let index = 0; index < original.length; index++) {
    const code = original.charCodeAt(index)
    if (code < 0xa0) {
      invisible = 0
      offsets[length++] = index
      continue
    }
    const point = isPair(code, original.charCodeAt(index + 1)) ? (original.codePointAt(index) ?? code) : code
    const folded = foldOf(point)
    const size = point > 0xffff ? 2 : 1
    if (folded === '') invisible++
    else invisible = 0
    if (folded === undefined || (folded === '' && invisible > maxInvisible)) {
      for (let unit = 0; unit < size; unit++) offsets[length++] = index + unit
      index += size - 1
      continue
    }
    text += original.slice(from, index) + folded
    from = index + size
    // The one that comes in the place of many is as rare as it is long.
    if (length + folded.length + original.length - index > offsets.length) offsets = grown(offsets)
    for (let unit = 0; unit < folded.length; unit++) offsets[length++] = index
    index += size - 1
  }
  return { text: text + original.slice(from), offsets: offsets.subarray(0, length) }
}

function grown(offsets: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(offsets.length * 2)
  larger.set(offsets)
  return larger
}

function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff
}

/** What a character is read as: ASCII; nothing for one that nobody sees; undefined where it is itself. */
function foldOf(point: number): string | undefined {
  if (point < 0x300) return point === 0xa0 ? ' ' : point === 0xad ? '' : superscript(point)
  if (point < 0x530) return point < 0x370 ? '' : lookAlikes[point]
  if (point < 0x2000) return digitOf(point) ?? (isUnseen(point) ? '' : undefined)
  if (point <= 0x200a || point === 0x202f || point === 0x205f || point === 0x3000) return ' '
  if (isUnseen(point)) return ''
  if ((point >= 0x2010 && point <= 0x2015) || point === 0x2212 || point === 0xfe63) return '-'
  if (point === 0x2044) return '/'
  if (point >= 0x2018 && point <= 0x201f) return point < 0x201c ? "'" : '"'
  if (point === 0x2024) return '.'
  if (point >= 0xff01 && point <= 0xff5e) return String.fromCharCode(point - 0xfee0)
  return isCompatible(point) ? compatible(point) : undefined
}

function superscript(point: number): string | undefined {
  return point === 0xb2 ? '2' : point === 0xb3 ? '3' : point === 0xb9 ? '1' : undefined
}

// The zeros of scripts whose digits people type: Arabic, Persian, Devanagari, Bengali, Thai.
const zeros: readonly number[] = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50]

function digitOf(point: number): string | undefined {
  for (const zero of zeros) if (point >= zero && point <= zero + 9) return String.fromCharCode(point - zero + 48)
  return undefined
}

/** Format characters, fillers, joiners, directions, variation selectors, marks above and below, tags. */
function isUnseen(point: number): boolean {
  if (point < 0x2000)
    return point === 0x61c || point === 0x115f || point === 0x1160 || point === 0x17b4 || point === 0x17b5 || (point >= 0x180b && point <= 0x180f)
  if (point <= 0x200f) return point >= 0x200b
  if (point >= 0x202a && point <= 0x202e) return true
  if (point >= 0x2060 && point <= 0x206f) return point !== 0x2065
  if (point >= 0x20d0 && point <= 0x20f0) return true
  if (point === 0x3164 || point === 0xffa0 || point === 0xfeff) return true
  if ((point >= 0xfe00 && point <= 0xfe0f) || (point >= 0xfe20 && point <= 0xfe2f)) return true
  return point >= 0xe0000 && point <= 0xe01ef
}

/** Blocks whose characters are forms of others: super- and subscripts, letter-like, enclosed, ligatures, mathematical. */
function isCompatible(point: number): boolean {
  return (
    (point >= 0x2070 && point <= 0x209f) ||
    (point >= 0x2100 && point <= 0x218f) ||
    (point >= 0x2460 && point <= 0x24ff) ||
    (point >= 0xfb00 && point <= 0xfb06) ||
    point === 0xfe6b ||
    (point >= 0x1d400 && point <= 0x1d7ff) ||
    (point >= 0x1f100 && point <= 0x1f16f)
  )
}

const compatibleForms = new Map<number, string | undefined>()

function compatible(point: number): string | undefined {
  if (compatibleForms.has(point)) return compatibleForms.get(point)
  const form = String.fromCodePoint(point).normalize('NFKC')
  // What is no ASCII behind that, as a Greek letter of mathematics, may look like it.
  let ascii: string | undefined = ''
  for (const character of form) {
    const code = character.codePointAt(0) ?? 0
    const read = code < 128 ? character : lookAlikes[code]
    ascii = ascii === undefined || read === undefined ? undefined : ascii + read
  }
  compatibleForms.set(point, ascii)
  return ascii
}
