/** Where a command writes. */
export interface Io {
  out(text: string): void
  error(text: string): void
  /** Writes a piece of a result as it is, once the one before is gone. Rejects where nobody reads any more. */
  write(text: string): Promise<void>
  /** Shows how far long work has come, in place of what was shown before; an empty text takes it away. Absent where nobody looks. */
  progress?(text: string): void
  /** Resolves when what was written has somewhere to go, to whether anybody still reads. Absent where that is not known. */
  drained?(): Promise<boolean>
  /** Whether what is written may be coloured: a terminal, and no `NO_COLOR`. */
  readonly colour?: boolean
  /** Aborted when whoever follows something has seen enough. */
  readonly signal?: AbortSignal
}

interface Streams {
  readonly stdout: {
    write(text: string, done?: (error?: Error | null) => void): unknown
    once?(event: 'drain' | 'close' | 'error', listener: () => void): unknown
    readonly writableNeedDrain?: boolean
    readonly destroyed?: boolean
    readonly isTTY?: boolean
  }
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean }
}

/** The process's own output. Progress is for a terminal, and beside what is written to a file or a pipe. */
export function processIo({ stdout, stderr }: Streams = process): Io {
  const clear = '\r\u001b[K'
  let shown = false
  const show = (text: string): void => {
    if (!shown && text === '') return
    stderr.write(`${clear}${text}`)
    shown = text !== ''
  }
  const io: Io = {
    out(text) {
      show('')
      stdout.write(`${text}\n`)
    },
    error(text) {
      show('')
      stderr.write(`${text}\n`)
    },
    write(text) {
      if (stdout.isTTY === true) show('')
      return new Promise((resolve, reject) => void stdout.write(text, (error) => (error instanceof Error ? reject(error) : resolve())))
    },
  }
  const isGone = (): boolean => stdout.destroyed === true
  const whole: Io = {
    ...io,
    // A million lines are not held in memory for a slow reader, and not written for one who went away.
    async drained() {
      if (isGone()) return false
      if (stdout.writableNeedDrain === true && stdout.once !== undefined)
        await new Promise<void>((resolve) => {
          for (const event of ['drain', 'close', 'error'] as const) stdout.once?.(event, resolve)
        })
      return !isGone()
    },
    colour: stdout.isTTY === true && !process.env.NO_COLOR,
  }
  return stderr.isTTY === true ? { ...whole, progress: show } : whole
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
