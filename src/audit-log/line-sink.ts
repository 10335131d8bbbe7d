import type { Awaitable } from '../guard/context.ts'
import type { AuditSink, LoggedEntry } from './audit-log.ts'
import { entryText } from './record.ts'

/**
 * Writes what is in the log as lines of JSON: `{"index":…,"hash":…,"record":…}`, for standard output and whatever collects it. No text
 * of a stranger's can end a line early.
 *
 * @param write takes one or more whole lines; `console.log` without their last line break unless given. What it returns is waited for.
 *
 * ```ts
 * const sink = lineSink((lines) => new Promise((resolve) => process.stdout.write(lines, () => resolve())))
 * ```
 */
export function lineSink(write: (lines: string) => Awaitable<unknown> = print): AuditSink {
  if (typeof write !== 'function') throw new TypeError('lineSink: must be a function')
  return Object.freeze({
    name: 'lines',
    async deliver(entries: readonly LoggedEntry[], missed: number): Promise<void> {
      const lines = entries.map(({ index, hash, record }) => `{"index":${index},"hash":"${hash}","record":${entryText(record)}}\n`)
      await write(`${missed > 0 ? `{"missed":${missed}}\n` : ''}${lines.join('')}`)
    },
  })
}

function print(lines: string): void {
  console.log(lines.slice(0, -1))
}
