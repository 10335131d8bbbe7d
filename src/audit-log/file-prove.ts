import { join, resolve } from 'node:path'
import type { Proof } from './audit-log.ts'
import { parseHead } from './checkpoint.ts'
import { checkpointFile } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import { readTile, tileFetch } from './file-tiles.ts'
import { LogError } from './log-error.ts'
import { inclusionPath, rootFromInclusion } from './merkle-proof.ts'
import { leafHash } from './merkle-tree.ts'
import { unverifiedText } from './signed-note.ts'
import { splitBundle, tileReader, tileWidth, widthOf } from './tiles.ts'

/** An entry and the proof that it is in the log. */
export interface ProvenEntry {
  readonly proof: Proof
  /** The entry's text, which the proof's leaf hash was made of. */
  readonly text: string
}

/**
 * Proves an entry from a log's folder, also while another process writes to it. The proof leads to the root that the
 * checkpoint names; that the checkpoint is signed is for whoever gets the proof to verify.
 *
 * @throws RangeError for an entry that the checkpoint does not cover; LogError where the log does not hold there.
 */
export async function proveEntry(directory: string, index: number): Promise<ProvenEntry> {
  const folder = resolve(directory)
  const note = (await systemFiles.read(join(folder, checkpointFile), maxNoteBytes))?.toString()
  if (note === undefined) throw new LogError('checkpoint_missing', `There is no log in ${directory}`)
  const text = unverifiedText(note)
  const head = text === undefined ? undefined : parseHead(text)
  if (head === undefined) throw new LogError('checkpoint_malformed', `The checkpoint in ${directory} is damaged`)
  if (!Number.isSafeInteger(index) || index < 0 || index >= head.size)
    throw new RangeError(`The checkpoint covers ${head.size} entries, numbered from 0`)
  const path = await inclusionPath(tileReader(tileFetch(systemFiles, folder, head.size), head.size), index, head.size)
  const bundle = Math.floor(index / tileWidth)
  const bytes = await readTile(systemFiles, folder, 'entries', bundle, widthOf('entries', bundle, head.size), head.size)
  const entry = bytes === undefined ? undefined : splitBundle(bytes)?.[index % tileWidth]
  if (entry === undefined) throw new LogError('truncated', `Entry ${index} is not there: run sallyport audit verify`)
  const leaf = await leafHash(entry)
  const root = await rootFromInclusion(index, head.size, leaf, path)
  if (root === undefined || btoa(root) !== head.root)
    throw new LogError('root_mismatch', `Entry ${index} is not the one that was signed: run sallyport audit verify`)
  const proof: Proof = { index, hash: btoa(leaf), path: path.map((hash) => btoa(hash)), checkpoint: { ...head, note } }
  return { proof, text: Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString() }
}
