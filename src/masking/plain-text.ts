/** A text as detectors see it: look-alikes folded to ASCII, invisible characters left out. */
export interface PlainText {
  readonly text: string
  /** Where each unit of it stands in the original; undefined where nothing was folded and both are the same. */
  readonly offsets: Uint32Array | undefined
}

/** How many invisible characters in a row are left out. What follows them is kept, so that a finding's length stays bounded. */
export const maxInvisible = 8

// Whatever `fold` changes. Linear: one class.
const foldable =
  /[\u180b-\u180f\ufe00-\ufe0f\u034f\u00a0\u00ad\u061c\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u2000-\u2015\u202a-\u202f\u205f-\u206f\u2212\u3000\ufe63\ufe6b\ufeff\uff01-\uff5e]/

/** Whether a text has anything to fold. */
export function isFoldable(text: string): boolean {
  return foldable.test(text)
}

/** Folds full-width forms, digits of other scripts, spaces and dashes unit by unit, and leaves out what nobody sees. */
export function plainText(original: string): PlainText {
  if (!foldable.test(original)) return { text: original, offsets: undefined }
  const offsets = new Uint32Array(original.length)
  let text = ''
  let length = 0
  let invisible = 0
  let from = 0
  for (let index = 0; index < original.length; index++) {
    const code = original.charCodeAt(index)
    const folded = fold(code)
    invisible = folded === 0 ? invisible + 1 : 0
    const isLeftOut = folded === 0 && invisible <= maxInvisible
    if (folded === code || (folded === 0 && !isLeftOut)) {
      offsets[length++] = index
      continue
    }
    text += original.slice(from, index)
    from = index + 1
    if (isLeftOut) continue
    text += String.fromCharCode(folded)
    offsets[length++] = index
  }
  return { text: text + original.slice(from), offsets: offsets.subarray(0, length) }
}

// 0 for what is left out.
function fold(code: number): number {
  if (code < 0xa0) return code
  if (code >= 0xff01 && code <= 0xff5e) return code - 0xfee0
  if (code < 0x2000) {
    if (code === 0xa0) return 32
    if (code === 0xad || code === 0x34f || code === 0x61c || (code >= 0x180b && code <= 0x180f)) return 0
    if (code >= 0x660 && code <= 0x669) return code - 0x660 + 48
    if (code >= 0x6f0 && code <= 0x6f9) return code - 0x6f0 + 48
    if (code >= 0x966 && code <= 0x96f) return code - 0x966 + 48
    return code
  }
  if (code <= 0x200a || code === 0x202f || code === 0x205f || code === 0x3000) return 32
  if (code <= 0x200f) return 0
  if (code <= 0x2015 || code === 0x2212 || code === 0xfe63) return 45
  if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f)) return 0
  if ((code >= 0xfe00 && code <= 0xfe0f) || code === 0xfeff) return 0
  return code === 0xfe6b ? 64 : code
}
