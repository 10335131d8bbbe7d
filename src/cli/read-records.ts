import { resolve } from 'node:path'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { storedRows, storedSize, textOf } from '../audit-log/file-entries.ts'
import { firstKept } from '../audit-log/file-prune.ts'
import { systemFiles } from '../audit-log/file-system.ts'
import { verifiedEntries } from '../audit-log/file-verified-entries.ts'
import { type AuditRecord, parseEntry } from '../audit-log/record.ts'
import type { Io } from './io.ts'
import { progressBar } from './progress-bar.ts'
import type { RecordQuery } from './record-query.ts'
import { findVerifierKey } from './verifier-key.ts'

/** Options that say how far a log is believed. */
export const readOptions = {
  key: {
    type: 'string',
    value: 'FILE|KEY',
    help: 'verify what is read with this key: where the log is not what it signed, the command ends with 1. Then only what a checkpoint covers is read. Without it nothing is verified',
  },
  anchor: { type: 'string', value: 'FILE', help: 'with --key: the end was not cut off either' },
} as const

/** An entry that was chosen. */
export interface ChosenRecord {
  readonly index: number
  readonly text: string
  readonly record: AuditRecord
}

/** Reads a log from its first entry to its last, and gives what was asked for, as it comes. Throws at the end where the log does not hold. */
export async function* readRecords(
  directory: string,
  { marks, matches }: RecordQuery,
  io: Io,
  { key, anchor }: { readonly key?: string | undefined; readonly anchor?: string | undefined },
): AsyncGenerator<readonly ChosenRecord[]> {
  const rows = key === undefined ? await plainRows(directory) : await provenRows(directory, key, anchor)
  let index = rows.first
  for await (const texts of rows.texts) {
    const chosen: ChosenRecord[] = []
    for (const text of texts) {
      const place = index++
      if (!marks.every((mark) => text.includes(mark))) continue
      const record = parseEntry(text)
      if (record !== undefined && matches(record)) chosen.push({ index: place, text, record })
    }
    // Every few thousand: it costs more than to read them.
    if (io.progress !== undefined && index >> 12 !== (index - texts.length) >> 12) io.progress(progressBar('reading', index, rows.size))
    if (chosen.length > 0) yield chosen
  }
  io.progress?.('')
}

interface Rows {
  readonly size: number
  /** The index of the first entry. */
  readonly first: number
  readonly texts: AsyncIterable<readonly string[]>
}

async function plainRows(directory: string): Promise<Rows> {
  const size = await storedSize(directory)
  return {
    size,
    first: await firstKept(systemFiles, resolve(directory)),
    texts: {
      async *[Symbol.asyncIterator]() {
        for await (const { entries } of storedRows(directory)) yield entries.map(textOf)
      },
    },
  }
}

async function provenRows(directory: string, option: string, anchor: string | undefined): Promise<Rows> {
  const { key } = await findVerifierKey(directory, option)
  const texts = await verifiedEntries(directory, { key, ...(anchor !== undefined && { anchor: fileAnchor(anchor) }) })
  return { size: texts.checkpoint.size, first: texts.first, texts }
}
