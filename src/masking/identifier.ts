/** A number that a state or a bank gives to a person or a thing, described by data: how it is written, checked and announced. */
export interface Identifier {
  /** As in redactions: `PL_PESEL`. */
  readonly type: string
  /**
   * The ways to write it, parted by `|`: `#` for a digit, `A` for a letter in either case, and separators as they stand. A
   * blank between groups stands for a space or a hyphen, the same throughout.
   */
  readonly forms: string
  /** The score with separators where no word announces it; 0 unless given, which is not found. */
  readonly grouped?: number
  /** The score without separators where no word announces it; 0 unless given. */
  readonly plain?: number
  /** Words that announce it, parted by `|`, in lower case. */
  readonly words: string
  /** Checks letters (as capitals) and digits, without separators. */
  isValid(text: string): boolean
}

/** The score of an identifier behind a word that announces it. */
export const announced = 0.93
