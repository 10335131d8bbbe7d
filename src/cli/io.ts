/** Where a command writes. */
export interface Io {
  out(text: string): void
  error(text: string): void
}

/** The process's own output. */
export const processIo: Io = {
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
}

/** 0: it holds. 1: it does not. 2: the call is wrong. */
export type ExitCode = 0 | 1 | 2

/** A call that cannot be understood; its message says what to do. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/**
 * A text that a terminal only shows: control characters and those that turn the direction of writing are written as
 * escapes, as JSON has them. What comes from a log was written by strangers.
 */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join(''),
  )
}
