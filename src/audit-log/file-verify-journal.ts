import { hashEntry, listSegments, maxSegmentBytes, readBatches } from './file-journal.ts'
import type { LogFolder } from './file-recovery.ts'
import { TileRows } from './file-tile-rows.ts'
import type { Findings } from './log-report.ts'
import { tileWidth } from './tiles.ts'

/**
 * Checks that what the journal still holds is what is signed.
 *
 * @returns how many entries it holds beyond the checkpoint: nothing proves them yet.
 */
export async function verifyJournal(folder: Pick<LogFolder, 'files' | 'directory' | 'hash'>, size: number, findings: Findings): Promise<number> {
  const { files, directory, hash } = folder
  const rows = new TileRows(files, directory, size)
  let end = size
  let torn = 0
  for (const { path, start } of await listSegments(files, directory)) {
    // Gone by now: a log that is being written lets go of what is in tiles.
    const bytes = await files.read(path, maxSegmentBytes)
    if (bytes === undefined) continue
    torn = 0
    let index = start
    for (const batch of readBatches(bytes)) {
      if (batch.seal === undefined) {
        torn = batch.to - batch.from
        continue
      }
      for (const entry of batch.entries) {
        const row = index < size ? await rows.row(0, Math.floor(index / tileWidth), rows.width(0, Math.floor(index / tileWidth))) : undefined
        if (row !== undefined && row[index % tileWidth] !== hashEntry(hash, entry))
          findings.add('journal_changed', 'The journal holds another entry here than the one that was signed', index)
        index++
      }
      if (batch.seal.size !== index) findings.add('journal_changed', 'Entries of the journal were removed or added', index)
    }
    end = Math.max(end, index)
  }
  if (torn > 0)
    findings.add(
      'torn_tail',
      `The journal ends with ${torn} bytes of an unfinished write that was never acknowledged: opening the log cuts them off`,
      end,
      'warning',
    )
  if (end > size) findings.add('unsigned', `${end - size} records are on disk and not yet under a checkpoint: nothing proves them`, size, 'warning')
  return end - size
}
