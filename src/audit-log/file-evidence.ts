import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { systemClock, within } from '../guard/clock.ts'
import type { Anchor, Signer } from './audit-log.ts'
import { parseHead } from './checkpoint.ts'
import { type EvidenceHead, evidenceFormat, evidenceTitle } from './evidence.ts'
import { EvidenceTally } from './evidence-summary.ts'
import { storedRows, textOf } from './file-entries.ts'
import { hashEntry } from './file-journal.ts'
import { checkpointFile } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import { tileFetch } from './file-tiles.ts'
import { verifiedEntries } from './file-verified-entries.ts'
import { anchorTime } from './anchored-trees.ts'
import { LogError } from './log-error.ts'
import { consistencyPath, subtreesOf } from './merkle-proof.ts'
import { Frontier } from './merkle-tree.ts'
import { parseEntry } from './record.ts'
import { nativeSha256 } from './sha256.ts'
import { formatVerifierKey, signNote, unverifiedText, type VerifierKey, verifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** Options of `evidence`. */
export interface EvidenceOptions {
  /** The log's signer: it signs the bundle too. */
  readonly signer: Signer
  /** The period, in milliseconds since 1970: from then on; from the log's begin unless given. */
  readonly since?: number
  /** And before then; to the end of what is signed unless given. */
  readonly until?: number
  readonly anchor?: Anchor
}

const checks: Readonly<Record<keyof EvidenceOptions, Check>> = {
  signer: [hasMethods('sign'), 'a Signer: use await fileSigner(path)'],
  since: [optional(Number.isFinite), 'milliseconds since 1970'],
  until: [optional(Number.isFinite), 'milliseconds since 1970'],
  anchor: [optional(hasMethods('latest')), 'an Anchor'],
}

/** The last moment that a date can name. */
const lastMoment = 8.64e15

/**
 * What happened in a period, as a bundle that a third party verifies without the log and without a network: the entries, the
 * proof that they are a gapless part of the tree that the log's key signed, the policies that decided, counts, and what the
 * log itself says is missing. The whole log is verified before the first line comes. Lines, without their line breaks.
 *
 * ```ts
 * for await (const line of evidence('var/audit', { signer, since, until })) file.write(`${line}\n`)
 * ```
 *
 * @throws TypeError for wrong options, LogError for a log that does not hold.
 */
export async function* evidence(directory: string, options: EvidenceOptions): AsyncGenerator<string> {
  checkOptions('evidence', options, checks)
  const { signer, since = 0, until = lastMoment, anchor } = options
  if (since >= until) throw new TypeError('evidence: since must be before until')
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('evidence: this runtime has no native SHA-256')
  const folder = resolve(directory)
  const found = await rangeOf(folder, { since, until, signer, anchor })
  const { key, note, size, first, end } = found
  const read = tileReader(tileFetch(systemFiles, folder, size), size)
  const left = await Promise.all(subtreesOf(first).map(([height, index]) => read(height, index)))
  const remembered = anchor === undefined ? undefined : await within(systemClock, anchorTime, 'The anchor', anchor.latest())
  const head: EvidenceHead = {
    evidence: evidenceFormat,
    origin: key.name,
    key: formatVerifierKey(key),
    since,
    until,
    first,
    end,
    checkpoint: note,
    ...(remembered !== undefined && { anchor: remembered }),
    left: left.map((one) => btoa(one)),
    consistency: (await consistencyPath(read, end, size)).map((one) => btoa(one)),
  }
  const digest = createHash('sha256')
  const line = (text: string): string => {
    digest.update(text).update('\n')
    return text
  }
  yield line(JSON.stringify(head))
  const tally = new EvidenceTally(since, until)
  const tree = new Frontier(hash, undefined, first, left)
  for await (const { index, entries } of end === first ? [] : storedRows(folder, first)) {
    for (const [place, entry] of entries.entries()) {
      if (index + place >= end) break
      tree.push(hashEntry(hash, entry))
      const text = textOf(entry)
      tally.add(parseEntry(text), index + place)
      yield line(text)
    }
    if (tree.size >= end) break
  }
  // What was read now must be what was verified before.
  if (tree.size !== end || btoa(tree.root()) !== found.rootAtEnd) throw new LogError('root_mismatch', 'The entries changed while they were read')
  yield line(JSON.stringify({ summary: tally.result() }))
  const signed = await signNote(`${evidenceTitle}\n${key.name}\n${digest.digest('base64')}\n`, key, signer)
  yield signed.trimEnd()
}

interface Range {
  readonly key: VerifierKey
  readonly note: string
  readonly size: number
  readonly first: number
  readonly end: number
  readonly rootAtEnd: string
}

/** Which entries a period has, in a log that holds. */
async function rangeOf(
  folder: string,
  { since, until, signer, anchor }: { since: number; until: number; signer: Signer; anchor: Anchor | undefined },
): Promise<Range> {
  const origin = await originOf(folder)
  const key = await verifierKey(origin, signer.publicKey)
  const verified = await verifiedEntries(folder, { key: formatVerifierKey(key), ...(anchor !== undefined && { anchor }) })
  const { size, note = '' } = verified.checkpoint
  let [first, last, index] = [-1, -1, verified.first]
  let before = verified.first - 1
  for await (const texts of verified)
    for (const text of texts) {
      const time = parseEntry(text)?.time
      if (time !== undefined && time >= since && time < until) {
        if (first === -1) first = index
        last = index
      } else if (first === -1 && time !== undefined && time < since) before = index
      index++
    }
  // Of an empty period: the neighbours between which it lies.
  if (first === -1) [first, last] = [before + 1, before]
  const range = { first: Math.max(verified.first, first - 1), end: Math.min(size, last + 2) }
  const hash = nativeSha256()
  const read = tileReader(tileFetch(systemFiles, folder, size), size)
  const rows = await Promise.all(subtreesOf(range.end).map(([height, place]) => read(height, place)))
  const rootAtEnd = hash === undefined ? '' : btoa(new Frontier(hash, undefined, range.end, rows).root())
  return { ...range, key, note, size, rootAtEnd }
}

async function originOf(folder: string): Promise<string> {
  const note = await systemFiles.read(join(folder, checkpointFile), maxNoteBytes)
  const head = parseHead(unverifiedText(note?.toString() ?? '') ?? '')
  if (head === undefined) throw new LogError('checkpoint_missing', `There is no log in ${folder}`)
  return head.origin
}
