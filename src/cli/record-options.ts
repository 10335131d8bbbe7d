import { readFile } from 'node:fs/promises'
import type { RecordOptions } from '../access-review/take-records.ts'
import { reasonOf } from '../guard/errors.ts'
import type { Values } from './command.ts'
import { UsageError } from './io.ts'
import { momentIn } from './moment.ts'

/** The options that commands have in common which decide by what is in a log. */
export const recordArguments = {
  log: {
    type: 'string',
    value: 'DIR',
    help: 'the folder of the log. What is read of it is verified, as by audit verify: whoever could add records would keep rights alive, and whoever could drop some would cut the rights of others',
  },
  key: {
    type: 'string',
    value: 'FILE|KEY',
    help: "the log's verifier key, from elsewhere. Without it the key in the log's own folder is used; then the log may have been replaced, so the answer is never 0",
  },
  anchor: {
    type: 'string',
    value: 'FILE',
    help: 'the anchor that the log publishes to: without it, or a size that you know, the end may be missing, and the answer is not 0 either',
  },
  'expected-size': { type: 'string', value: 'N', help: 'there must be at least N entries' },
  unanchored: { type: 'boolean', help: 'be content without either' },
  'no-verify': { type: 'boolean', help: 'believe the folder, whatever is in it, with what no checkpoint covers yet' },
  attributes: {
    type: 'string',
    value: 'FILE',
    multiple: true,
    help: 'opens the sealed attributes: what was given to audit as sealAttributes, as 32 bytes or in base64',
  },
  from: {
    type: 'string',
    value: 'DATE',
    help: 'only what was decided from then on: a date, or a moment with its zone (2026-01-01, 2026-01-01T08:00:00+01:00)',
  },
  to: { type: 'string', value: 'DATE', help: 'only what was decided before then' },
} as const

type Given = Partial<Values<typeof recordArguments>>

/** Where a log is, and how it is verified. */
export interface LogPlace {
  readonly directory: string
  readonly key: string | undefined
  readonly anchor: string | undefined
  readonly expectedSize: number | undefined
  readonly unanchored: boolean
  readonly unverified: boolean
}

/** The log and how to read it. @throws UsageError */
export async function recordOptions(given: Given): Promise<{ readonly log: LogPlace; readonly options: RecordOptions }> {
  const { log, key, anchor, 'expected-size': size, unanchored = false, 'no-verify': unverified = false, attributes = [], from, to } = given
  if (log === undefined) throw new UsageError('give the folder of a log with --log')
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw new UsageError('--expected-size must be a whole number')
  if (unverified && (key !== undefined || anchor !== undefined || size !== undefined || unanchored))
    throw new UsageError('--no-verify goes with none of --key, --anchor, --expected-size and --unanchored')
  const keys = await Promise.all(attributes.map(readKey))
  const [start, end] = [from === undefined ? undefined : momentIn(from, '--from'), to === undefined ? undefined : momentIn(to, '--to')]
  if (start !== undefined && end !== undefined && start >= end) throw new UsageError('--from must be before --to')
  return {
    log: { directory: log, key, anchor, expectedSize: size === undefined ? undefined : Number(size), unanchored, unverified },
    options: {
      ...(start !== undefined && { from: start }),
      ...(end !== undefined && { to: end }),
      ...(keys.length > 0 && { keys }),
    },
  }
}

async function readKey(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UsageError(`the file '${path}' cannot be read: ${reasonOf(error)}`)
  })
  if (bytes.length === 32) return new Uint8Array(bytes)
  const text = bytes.toString().trim()
  const decoded = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64url') : undefined
  if (decoded?.length === 32) return new Uint8Array(decoded)
  // Never a word of what it holds.
  throw new UsageError(`'${path}' holds no key: it must be 32 bytes, or these in base64`)
}
