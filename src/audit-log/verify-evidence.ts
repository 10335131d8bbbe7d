import type { Checkpoint } from './audit-log.ts'
import { openCheckpoint } from './checkpoint.ts'
import { type EvidenceHead, evidenceFormat, evidenceTitle } from './evidence.ts'
import { type EvidenceSummary, EvidenceTally } from './evidence-summary.ts'
import { isConsistent } from './merkle-proof.ts'
import { Frontier, leafHash } from './merkle-tree.ts'
import { maxEntryBytes, parseEntry } from './record.ts'
import { type Hash, nativeSha256 } from './sha256.ts'
import { openNote, parseVerifierKey, type VerifierKey } from './signed-note.ts'

/** What verifying a bundle of evidence found. */
export interface EvidenceReport {
  /** Whether all of it holds. */
  readonly ok: boolean
  readonly problems: readonly string[]
  readonly head: EvidenceHead | undefined
  /** What the entries add up to: worked out anew, and not what the bundle says. */
  readonly summary: EvidenceSummary | undefined
  /** Whether the period ends before the log does, or an anchor rules out that its end was cut off. */
  readonly anchored: boolean
}

/**
 * Verifies a bundle of evidence with nothing but the log's verifier key: that its key signed the bundle and the checkpoint, that
 * the entries are a gapless part of the signed tree, that the period has no others as far as times go up, and that the summary
 * is what they add up to. Holds one entry at a time.
 *
 * @param lines of the bundle, without their line breaks.
 * @param key the log's verifier key, from a place that whoever made the bundle cannot change.
 * @throws TypeError for a text that is no verifier key.
 */
export async function verifyEvidence(lines: AsyncIterable<string> | Iterable<string>, key: string): Promise<EvidenceReport> {
  const own = await parseVerifierKey(key)
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  const hash = nativeSha256()
  if (native === undefined || hash === undefined) throw new TypeError('verifyEvidence: this runtime has no native SHA-256')
  const problems: string[] = []
  const digest = native.createHash('sha256')
  let head: EvidenceHead | undefined
  let tree: Frontier | undefined
  let tally: EvidenceTally | undefined
  let said: string | undefined
  let boundary: { readonly before?: number | undefined; readonly after?: number | undefined } = {}
  const note: string[] = []
  const bad = (problem: string): EvidenceReport => ({ ok: false, problems: [...problems, problem], head, summary: tally?.result(), anchored: false })
  for await (const line of lines) {
    // The longest line is a head with two notes, or a summary.
    if (line.length > 16 * 1024 * 1024) return bad('A line is longer than any line of a bundle')
    if (said !== undefined) {
      if (note.length > 70) return bad('More follows the signature')
      note.push(line)
      continue
    }
    digest.update(line).update('\n')
    if (head === undefined) {
      head = headIn(line)
      if (head === undefined) return bad('The first line is no head of a bundle of evidence')
      tree = treeBefore(head, hash)
      if (tree === undefined) return bad('The hashes before the range have a wrong form')
      tally = new EvidenceTally(head.since, head.until)
      continue
    }
    if (tree === undefined || tally === undefined) return bad('The bundle has no head')
    if (tree.size < head.end) {
      const bytes = new TextEncoder().encode(line)
      if (bytes.length > maxEntryBytes) return bad(`Entry ${tree.size} is longer than an entry can be`)
      const record = parseEntry(line)
      if (tree.size === head.first && head.first > 0) boundary = { ...boundary, before: record?.time }
      if (tree.size === head.end - 1) boundary = { ...boundary, after: record?.time }
      tally.add(record, tree.size)
      tree.push(await leafHash(bytes))
      continue
    }
    said = line
  }
  if (head === undefined || tree === undefined || tally === undefined) return bad('The bundle is empty')
  if (said === undefined || tree.size !== head.end) return bad(`The bundle ends at entry ${tree.size}, and ${head.end} were announced`)
  const summary = tally.result()
  if (said !== JSON.stringify({ summary })) problems.push('The summary is not what the entries add up to')
  if (!(await isSigned(note, own, digest.digest('base64')))) problems.push('The bundle is not signed by this key, or was changed')
  if (head.key.trim() !== key.trim() || head.origin !== own.name) problems.push('The bundle names another key or another log')
  const opened = await openCheckpoint(head.checkpoint, own)
  let anchored = false
  if ('problem' in opened) problems.push(`The checkpoint is not signed by this key (${opened.problem})`)
  else {
    const { checkpoint } = opened
    const path = head.consistency.map(hashOf)
    if (
      path.includes('') ||
      !(await isConsistent(head.end, tree.root(), checkpoint.size, atob(checkpoint.root), path)) ||
      head.end > checkpoint.size ||
      (head.end === 0 && checkpoint.size > 0)
    )
      problems.push('The entries are no part of the tree that was signed')
    if (head.first > 0 && !(boundary.before !== undefined && boundary.before < head.since))
      problems.push('Nothing shows where the period begins: entries before it are left out')
    const reachesEnd = head.end === checkpoint.size
    if (!reachesEnd && !(boundary.after !== undefined && boundary.after >= head.until))
      problems.push('Nothing shows where the period ends: entries of it are left out')
    anchored = !reachesEnd || (boundary.after !== undefined && boundary.after >= head.until) || (await isAnchored(head, own, checkpoint, problems))
  }
  return { ok: problems.length === 0, problems, head, summary, anchored }
}

async function isAnchored(head: EvidenceHead, key: VerifierKey, checkpoint: Checkpoint, problems: string[]): Promise<boolean> {
  if (head.anchor === undefined) return false
  const opened = await openCheckpoint(head.anchor, key)
  if ('problem' in opened) {
    problems.push('The anchor remembers a checkpoint that this key did not sign')
    return false
  }
  const known = opened.checkpoint
  if (known.size > checkpoint.size)
    problems.push(`The anchor remembers ${known.size} entries and the log has ${checkpoint.size}: its end was cut off`)
  if (known.size === checkpoint.size && known.root !== checkpoint.root) problems.push('The anchor remembers another log of this name')
  return known.size === checkpoint.size && known.root === checkpoint.root
}

async function isSigned(lines: readonly string[], key: VerifierKey, digest: string): Promise<boolean> {
  const opened = await openNote(`${lines.join('\n')}\n`, key)
  return 'text' in opened && opened.text === `${evidenceTitle}\n${key.name}\n${digest}\n`
}

function headIn(line: string): EvidenceHead | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return undefined
    const { evidence, origin, key, since, until, first, end, checkpoint, anchor, left, consistency } = value as Record<string, unknown>
    const areHashes = (list: unknown): list is string[] => Array.isArray(list) && list.length <= 64 && list.every((one) => typeof one === 'string')
    const isPlace = (place: unknown): place is number => Number.isSafeInteger(place) && (place as number) >= 0
    if (evidence !== evidenceFormat || typeof origin !== 'string' || typeof key !== 'string' || typeof checkpoint !== 'string') return undefined
    if (typeof since !== 'number' || typeof until !== 'number' || !isPlace(first) || !isPlace(end) || first > end) return undefined
    if (!areHashes(left) || !areHashes(consistency) || (anchor !== undefined && typeof anchor !== 'string')) return undefined
    return { evidence: evidenceFormat, origin, key, since, until, first, end, checkpoint, left, consistency, ...(anchor !== undefined && { anchor }) }
  } catch {
    return undefined
  }
}

function treeBefore({ first, left }: EvidenceHead, hash: (data: Uint8Array) => Hash): Frontier | undefined {
  const subtrees = left.map(hashOf)
  let bits = 0
  for (let rest = first; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2
  return subtrees.includes('') || subtrees.length !== bits ? undefined : new Frontier(hash, undefined, first, subtrees)
}

function hashOf(text: string): Hash {
  try {
    const hash = atob(text)
    return hash.length === 32 && btoa(hash) === text ? hash : ''
  } catch {
    return ''
  }
}
