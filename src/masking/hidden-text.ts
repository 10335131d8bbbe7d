/**
 * Takes out characters that nobody sees and that a model reads all the same: tags, zero-width characters, directions,
 * variation selectors, fillers. What scripts and emoji need stays: joiners within Arabic and Indic words, spaces of no width
 * between Thai words, isolates in texts that run from right to left, selectors behind emoji and ideographs, flags.
 *
 * Each character is judged by those before it alone, so that it does not matter how a text was cut.
 */
export class HiddenText {
  /** The last character that stayed; 32 before the first. */
  #last = 32
  #isRightToLeft = false
  #isFirst = true
  /** Behind a black flag: the tags that went by. */
  #flag: string | undefined
  /** Half a character at the end of what was taken. */
  #half = ''
  /** Whether anything was taken out. */
  isFound = false

  /** What is left of the next piece. */
  take(piece: string, isFinal: boolean): string {
    let text = this.#half + piece
    this.#half = ''
    const last = text.charCodeAt(text.length - 1)
    if (!isFinal && last >= 0xd800 && last <= 0xdbff) {
      this.#half = text.slice(-1)
      text = text.slice(0, -1)
    }
    if (text === '') return ''
    // Nearly every text: nothing to judge, and its end to remember.
    if (!mayHide(text)) {
      this.#isFirst = false
      this.#isRightToLeft ||= rightToLeft.test(text)
      const end = text.length > 1 ? text.slice(-2) : text
      for (const character of end) this.#last = character.codePointAt(0) ?? 32
      this.#flag = this.#last === blackFlag ? '' : undefined
      return text
    }
    let left = ''
    for (const character of text) {
      const point = character.codePointAt(0) ?? 0
      const isFirst = this.#isFirst
      this.#isFirst = false
      // A mark of byte order at the beginning is taken out, and tells nothing.
      if (isFirst && point === 0xfeff) continue
      if (this.#isHidden(point)) this.isFound = true
      else {
        left += character
        this.#last = point
        this.#isRightToLeft ||= point >= 0x590 && rightToLeft.test(character)
        if (point === blackFlag) this.#flag = ''
        else if (!isTag(point)) this.#flag = undefined
      }
    }
    return left
  }

  #isHidden(point: number): boolean {
    if (point < 0xad) return false
    const last = this.#last
    if (isTag(point)) return !this.#isFlag(point)
    if (isSelector(point)) return !takesSelector(last, point)
    // Between words of scripts that part them by nothing.
    if (point === 0x200b) return !isUnspaced(last)
    if (point === 0x200c) return !isJoined(last)
    if (point === 0x200d) return !isJoined(last) && !isEmoji(last)
    // These say only where a word runs; more than one in a row says something else.
    if (point === 0x200e || point === 0x200f || point === 0x61c) return last === point
    if (point === 0x202d || point === 0x202e) return true
    if ((point >= 0x202a && point <= 0x202c) || (point >= 0x2066 && point <= 0x2069)) return !this.#isRightToLeft
    if (point >= 0x180b && point <= 0x180f) return !(last >= 0x1800 && last <= 0x18af)
    return isNeverSeen(point)
  }

  // Of the flags that are written so there are three: England, Scotland, Wales.
  #isFlag(point: number): boolean {
    if (this.#flag === undefined) return false
    const flag = this.#flag + (point === 0xe007f ? '.' : String.fromCharCode(point - 0xe0000))
    if (!flags.some((known) => known.startsWith(flag))) return false
    this.#flag = flag.endsWith('.') ? undefined : flag
    return true
  }
}

/** Whether anything in a text may be hidden, and so has to be judged. */
export function mayHide(text: string): boolean {
  return suspicious.test(text)
}

const blackFlag = 0x1f3f4
const flags: readonly string[] = ['gbeng.', 'gbsct.', 'gbwls.']

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\ud802\ud803\ud83a]/
// Whatever may be hidden; one class, so linear.
const suspicious = /[\ufe00-\ufe0f\u180b-\u180f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud834\udb40]/

function isTag(point: number): boolean {
  return point >= 0xe0000 && point <= 0xe007f
}

function isSelector(point: number): boolean {
  return (point >= 0xfe00 && point <= 0xfe0f) || (point >= 0xe0100 && point <= 0xe01ef)
}

function isNeverSeen(point: number): boolean {
  if (point === 0x3164 || point === 0xfeff || point === 0xffa0) return true
  if ((point >= 0x2060 && point <= 0x2064) || (point >= 0x206a && point <= 0x206f)) return true
  return (point >= 0xfff9 && point <= 0xfffb) || (point >= 0x1d173 && point <= 0x1d17a)
}

const emoji = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]$/u
const ideograph = /^\p{Ideographic}$/u
const symbol = /^[\p{S}\p{P}]$/u

function isEmoji(point: number): boolean {
  return point === 0xfe0f || point === 0x20e3 || (point > 0xa8 && emoji.test(String.fromCodePoint(point)))
}

// One selector behind an emoji, a keycap, an ideograph, or a symbol; those beyond the first sixteen behind ideographs alone.
function takesSelector(last: number, point: number): boolean {
  if (isSelector(last)) return false
  if (point === 0xfe00 && hasVariants(last)) return true
  if (point >= 0xe0100 || point <= 0xfe02) return last > 0x2000 && (ideograph.test(String.fromCodePoint(last)) || (point < 0xe0100 && isSymbol(last)))
  if (point < 0xfe0e) return isSymbol(last)
  return last === 35 || last === 42 || (last >= 48 && last <= 57) || isEmoji(last) || isSymbol(last) || ideograph.test(String.fromCodePoint(last))
}

// Letters with a standardized variant: Myanmar, Phags-pa, Manichaean, Egyptian.
function hasVariants(point: number): boolean {
  return (
    (point >= 0x1000 && point <= 0x109f) ||
    (point >= 0xa840 && point <= 0xa87f) ||
    (point >= 0xaa60 && point <= 0xaa7f) ||
    (point >= 0x10ac0 && point <= 0x10aff) ||
    (point >= 0x13000 && point <= 0x1345f)
  )
}

function isSymbol(point: number): boolean {
  return point >= 0xa8 && !isSelector(point) && symbol.test(String.fromCodePoint(point))
}

/** Scripts in which letters join, or are kept from it: Arabic, Syriac, those of India and South-East Asia, Mongolian. */
function isJoined(point: number): boolean {
  return (
    (point >= 0x600 && point <= 0x109f && point !== 0x61c) ||
    (point >= 0x1780 && point <= 0x18af && !(point >= 0x180b && point <= 0x180f)) ||
    (point >= 0x1a20 && point <= 0x1bff) ||
    (point >= 0xa800 && point <= 0xabff && !(point >= 0xab30 && point <= 0xab6f)) ||
    isArabicForm(point)
  )
}

function isArabicForm(point: number): boolean {
  return (
    (point >= 0xfb50 && point <= 0xfdff) ||
    (point >= 0xfe70 && point <= 0xfefc) ||
    (point >= 0xa8e0 && point <= 0xa8ff) ||
    (point >= 0x11000 && point <= 0x11fff)
  )
}

/** Scripts without spaces: Thai, Lao, Myanmar, Khmer, Tibetan, Balinese, Javanese, Chinese, Japanese. */
function isUnspaced(point: number): boolean {
  return (
    (point >= 0xe00 && point <= 0xfff) ||
    (point >= 0x1000 && point <= 0x109f) ||
    (point >= 0x1780 && point <= 0x17ff) ||
    (point >= 0x1a20 && point <= 0x1b7f) ||
    (point >= 0xa980 && point <= 0xaa7f) ||
    (point >= 0x2e80 && point <= 0x9fff) ||
    (point >= 0x20000 && point <= 0x3ffff)
  )
}
