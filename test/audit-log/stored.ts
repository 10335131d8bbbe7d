import { join } from 'node:path'
import { parseHead } from '../../src/audit-log/checkpoint.ts'
import type { FileSystem } from '../../src/audit-log/file-system.ts'
import { readTile } from '../../src/audit-log/file-tiles.ts'
import { type AuditRecord, parseEntry } from '../../src/audit-log/record.ts'
import { unverifiedText } from '../../src/audit-log/signed-note.ts'
import { splitBundle, widthOf } from '../../src/audit-log/tiles.ts'

/** How many entries the checkpoint of a log covers; undefined where there is none. */
export async function signedSize(files: FileSystem, directory: string): Promise<number | undefined> {
  const note = await files.read(join(directory, 'checkpoint'), 65_536)
  return parseHead(unverifiedText(note?.toString() ?? '') ?? '')?.size
}

/** The records under the checkpoint of a log, read from its bundles. */
export async function signedRecords(files: FileSystem, directory: string): Promise<(AuditRecord | undefined)[]> {
  const size = (await signedSize(files, directory)) ?? 0
  const records: (AuditRecord | undefined)[] = []
  for (let bundle = 0; bundle * 256 < size; bundle++) {
    const width = widthOf('entries', bundle, size)
    const bytes = (await readTile(files, directory, 'entries', bundle, width, size)) ?? new Uint8Array(0)
    for (const entry of splitBundle(bytes)?.slice(0, width) ?? []) records.push(parseEntry(Buffer.from(entry).toString()))
  }
  return records
}
