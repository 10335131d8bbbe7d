import { readFile } from 'node:fs/promises'
import type { RecordOptions } from '../access-review/take-records.ts'
import { reasonOf } from '../guard/errors.ts'
import { UsageError } from './io.ts'

/** The options that commands have in common which read a log. */
export const recordArguments = {
  log: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  key: { type: 'string', multiple: true },
} as const

/** How they are explained. */
export const recordHelp = `  --log DIR           the folder of the log. Nothing of it is verified here: for that there is audit verify
  --from, --to DATE   only what was decided from then on, and before then: a date, or a moment with its zone
                      (2026-01-01, 2026-01-01T08:00:00+01:00)
  --key FILE          opens the sealed attributes: what was given to audit as sealAttributes, as 32 bytes or in
                      base64. May be given several times`

/** What was given for them. */
interface Given {
  readonly log?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly key?: readonly string[] | undefined
}

/** The log and how to read it. @throws UsageError */
export async function recordOptions({ log, from, to, key = [] }: Given): Promise<{ readonly log: string; readonly options: RecordOptions }> {
  if (log === undefined) throw new UsageError('give the folder of a log with --log')
  const keys = await Promise.all(key.map(readKey))
  return {
    log,
    options: {
      ...(from !== undefined && { from: momentIn(from, '--from') }),
      ...(to !== undefined && { to: momentIn(to, '--to') }),
      ...(keys.length > 0 && { keys }),
    },
  }
}

function momentIn(text: string, option: string): number {
  // Without a zone a moment would be another one on each machine.
  const isWhole = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const moment = isWhole ? Date.parse(text) : Number.NaN
  const day = text.slice(0, 10)
  // The thirtieth of February is a day in March for some.
  const isReal = !Number.isNaN(moment) && new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day
  if (!isReal) throw new UsageError(`${option} must be a date such as 2026-01-01, or a moment with its zone such as 2026-01-01T08:00:00+01:00`)
  return moment
}

async function readKey(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UsageError(`the key '${path}' cannot be read: ${reasonOf(error)}`)
  })
  if (bytes.length === 32) return new Uint8Array(bytes)
  const text = bytes.toString().trim()
  const decoded = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64url') : undefined
  if (decoded?.length === 32) return new Uint8Array(decoded)
  // Never a word of what it holds.
  throw new UsageError(`'${path}' holds no key: it must be 32 bytes, or these in base64`)
}
