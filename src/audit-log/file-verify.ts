import { join, resolve } from 'node:path'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { systemClock } from '../guard/clock.ts'
import { AnchoredTrees, anchorTime } from './anchored-trees.ts'
import type { Anchor, Checkpoint } from './audit-log.ts'
import type { CheckpointProblem } from './checkpoint.ts'
import { readKeyChain } from './file-key-chain.ts'
import { checkpointFile } from './file-recovery.ts'
import type { LogFolder } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { verifyJournal } from './file-verify-journal.ts'
import { verifyTree } from './file-verify-tree.ts'
import type { KeyChain } from './key-rotation.ts'
import { LogError } from './log-error.ts'
import { Findings } from './log-report.ts'
import type { Report } from './log-report.ts'
import { nativeSha256 } from './sha256.ts'
import { parseVerifierKey } from './signed-note.ts'
import { within } from '../guard/clock.ts'

/** Options of `verifyLog`. */
export interface VerifyOptions {
  /**
   * The log's verifier key, from a place that whoever can change the log cannot change. Keys that follow it by its word, and by
   * theirs, count as well.
   */
  readonly key: string
  readonly anchor?: Anchor
  /** How many entries there must be at least. */
  readonly expectedSize?: number
  /** Told now and then how many entries were looked at, and how many there are. */
  readonly onProgress?: (entries: number, size: number) => void
}

/** The checks of these options. */
export const verifyChecks: Readonly<Record<keyof VerifyOptions, Check>> = {
  key: [(value) => typeof value === 'string', 'the verifier key: name+id+base64'],
  anchor: [optional(hasMethods('latest')), 'an Anchor'],
  expectedSize: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  onProgress: [optional(isFunction), 'a function'],
}

/**
 * Verifies a log in a folder from its first entry to its last: that the entries are those that its key signed, and that
 * nothing is missing as far as an anchor or an expected size can tell. Reads a few tiles at a time, whatever the size.
 *
 * A log that does not hold gives a report that says so; nothing that is found on the disk makes this throw.
 *
 * @throws TypeError for a wrong key or a wrong expected size.
 */
export function verifyLog(directory: string, options: VerifyOptions): Promise<Report> {
  return verifyOn(systemFiles, directory, options)
}

/** The same on a file system of one's own. Not part of the public surface. */
export async function verifyOn(files: FileSystem, directory: string, options: VerifyOptions): Promise<Report> {
  checkOptions('verifyLog', options, verifyChecks)
  const { key, anchor, expectedSize, onProgress } = options
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('verifyLog: this runtime has no native SHA-256')
  if (typeof directory !== 'string' || directory === '') throw new TypeError('verifyLog: give the path of a folder')
  const first = await parseVerifierKey(key)
  const folder = { files, directory: resolve(directory), hash }
  const findings = new Findings()
  let checkpoint: Checkpoint | undefined
  let anchored = false
  let unsigned = 0
  try {
    const verifier = await readKeyChain(files, folder.directory, first)
    checkpoint = await readSigned(folder, verifier, findings)
    // After the checkpoint, a log that is being written has moved on: never before it.
    const known = anchor === undefined ? undefined : await readAnchor(anchor, verifier, findings)
    anchored = known !== undefined || expectedSize !== undefined
    if (checkpoint !== undefined) {
      if (known !== undefined && known.size > checkpoint.size) await checkBehind(folder, verifier, known, checkpoint, findings)
      if (expectedSize !== undefined && expectedSize > checkpoint.size)
        findings.add('truncated', `${expectedSize} entries were expected and ${checkpoint.size} are signed`, checkpoint.size)
      const trees = new AnchoredTrees(verifier, known, anchor?.history?.(), findings)
      await verifyTree(folder, checkpoint, { known: trees, rotations: verifier.rotations }, findings, onProgress)
      await trees.close()
      unsigned = await verifyJournal(folder, checkpoint.size, findings)
    }
  } catch (error) {
    findings.add('unreadable', `The log could not be read: ${error instanceof Error ? error.message : 'unknown error'}`)
  }
  return { ok: findings.ok, entries: checkpoint?.size ?? 0, unsigned, anchored, problems: findings.list(), checkpoint }
}

type Folder = Pick<LogFolder, 'files' | 'directory'>

async function readSigned({ files, directory }: Folder, key: KeyChain, findings: Findings): Promise<Checkpoint | undefined> {
  const note = await files.read(join(directory, checkpointFile), maxNoteBytes)
  if (note === undefined) {
    if ((await files.touchedAt(directory)) !== undefined)
      findings.add('checkpoint_missing', 'The folder has no checkpoint: it was removed, or this is no log')
    else findings.add('log_missing', 'There is no such folder')
    return undefined
  }
  const opened = await key.open(note.toString())
  if ('checkpoint' in opened) return opened.checkpoint
  findings.add(opened.problem, explain[opened.problem])
  return undefined
}

async function readAnchor(anchor: Anchor, key: KeyChain, findings: Findings): Promise<Checkpoint | undefined> {
  let note: string | undefined
  try {
    note = await within(systemClock, anchorTime, 'The anchor', anchor.latest())
  } catch (error) {
    if (error instanceof LogError && (error.code === 'rolled_back' || error.code === 'forked')) findings.add(error.code, error.message)
    else findings.add('anchor_unavailable', 'The anchor could not be asked')
    return undefined
  }
  if (note === undefined) {
    findings.add('anchor_unavailable', 'The anchor remembers nothing')
    return undefined
  }
  const opened = await key.open(note)
  if ('checkpoint' in opened) return opened.checkpoint
  findings.add('forked', 'The anchor remembers a checkpoint that this key did not sign')
  return undefined
}

// The anchor may have been told of a newer checkpoint while this ran.
async function checkBehind(
  { files, directory }: Folder,
  key: KeyChain,
  known: Checkpoint,
  checkpoint: Checkpoint,
  findings: Findings,
): Promise<void> {
  const note = await files.read(join(directory, checkpointFile), maxNoteBytes)
  const again = note === undefined ? undefined : await key.open(note.toString())
  if (again !== undefined && 'checkpoint' in again && again.checkpoint.size >= known.size) return
  findings.add(
    'rolled_back',
    `The anchor remembers ${known.size} entries and the log has ${checkpoint.size}: its end was cut off, or an older copy was put back`,
    checkpoint.size,
  )
}

const explain: Readonly<Record<CheckpointProblem, string>> = {
  checkpoint_malformed: 'The checkpoint is no signed tree head',
  key_unknown: 'The checkpoint is not signed by this key: it is another log, or it was signed anew with another key',
  signature_invalid: 'The checkpoint was changed: its signature does not fit',
}
