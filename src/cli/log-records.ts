import { fileAnchor } from '../audit-log/file-anchor.ts'
import { storedRows, textOf } from '../audit-log/file-entries.ts'
import { type VerifiedEntries, verifiedEntries } from '../audit-log/file-verified-entries.ts'
import type { Io } from './io.ts'
import type { LogPlace } from './record-options.ts'
import { findVerifierKey } from './verifier-key.ts'

/** What the records that were read are worth. */
export interface LogStanding {
  /** Whether they are those that a key signed. */
  readonly verified: boolean
  /** Whether that key came from outside the log: else whoever wrote the log anew could have put it there. */
  readonly pinned: boolean
  /** Whether an anchor or an expected size ruled out a missing end. */
  readonly anchored: boolean
  /** Entries at the end that nothing proves: they were not looked at. */
  readonly unsigned: number
  /** Whether all that is so, or was waived by name. */
  readonly trusted: boolean
}

/** The decision records of a log. */
export interface LogRecords {
  readonly records: AsyncIterable<unknown>
  /** To be asked when all of them were read. */
  standing(): LogStanding
}

// A decision has the first, and whatever says that records are missing the second; in a text that only quotes them there would be backslashes.
const marks = ['"kind":"decision"', '"missing":'] as const

/**
 * Opens a log to decide by what is in it. What is read is verified, and where it is not what its key signed nothing comes of it:
 * the reading ends with an error. An entry that is no JSON is given as `undefined`, so that whoever counts can count it.
 */
export async function openRecords({ directory, key, anchor, expectedSize, unanchored, unverified }: LogPlace, io: Io): Promise<LogRecords> {
  if (unverified)
    return {
      records: recordsIn(textsOf(directory), undefined, io),
      standing: () => ({ verified: false, pinned: false, anchored: false, unsigned: 0, trusted: true }),
    }
  const found = await findVerifierKey(directory, key)
  const entries = await verifiedEntries(directory, {
    key: found.key,
    ...(anchor !== undefined && { anchor: fileAnchor(anchor) }),
    ...(expectedSize !== undefined && { expectedSize }),
  })
  const { pinned } = found
  const { anchored } = entries
  return {
    records: recordsIn(entries, entries, io),
    standing: () => ({ verified: true, pinned, anchored, unsigned: entries.unsigned, trusted: pinned && (anchored || unanchored) }),
  }
}

async function* textsOf(directory: string): AsyncGenerator<readonly string[]> {
  for await (const { entries } of storedRows(directory)) yield entries.map(textOf)
}

async function* recordsIn(rows: AsyncIterable<readonly string[]>, whole: VerifiedEntries | undefined, io: Io): AsyncGenerator<unknown> {
  const of = whole === undefined ? '' : ` of ${whole.checkpoint.size.toLocaleString('en')}`
  let read = 0
  for await (const texts of rows) {
    for (const text of texts) if (marks.some((mark) => text.includes(mark))) yield parsed(text)
    // Every few thousand: it costs more than to read them.
    if (io.progress !== undefined && read >> 12 !== (read + texts.length) >> 12)
      io.progress(`reading the log: ${(read + texts.length).toLocaleString('en')}${of} entries`)
    read += texts.length
  }
  io.progress?.('comparing')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
