import { join } from 'node:path'
import type { AnchoredTrees } from './anchored-trees.ts'
import type { Checkpoint } from './audit-log.ts'
import { compareEntries } from './compare-entries.ts'
import type { EntryProblem } from './compare-entries.ts'
import { hashEntry } from './file-journal.ts'
import type { LogFolder } from './file-recovery.ts'
import { TileRows } from './file-tile-rows.ts'
import { readTile } from './file-tiles.ts'
import type { KeyRotation } from './key-rotation.ts'
import type { Findings } from './log-report.ts'
import { Frontier } from './merkle-tree.ts'
import { parseEntry } from './record.ts'
import type { Hash } from './sha256.ts'
import { maxTileBytes, splitBundle, tilePath, tileWidth, widthOf } from './tiles.ts'

/** Milliseconds by which a record may be older than one before it: calls that run at once make records at once. */
const timeTolerance = 1_000
/** Differences that are kept until it is known whether the entries or the hashes are the signed ones. */
const maxPending = 100

/**
 * Checks the entries that a checkpoint covers, one bundle after the other: whether they and the hashes on disk make the
 * tree that was signed, and whether the trees that an anchor knows are beginnings of it.
 */
export function verifyTree(
  folder: Pick<LogFolder, 'files' | 'directory' | 'hash'>,
  checkpoint: Checkpoint,
  { known, rotations }: { readonly known: AnchoredTrees; readonly rotations: readonly KeyRotation[] },
  findings: Findings,
  onProgress?: (entries: number, size: number) => void,
): Promise<void> {
  return new TreeCheck(folder, checkpoint, findings, rotations).run(known, onProgress)
}

class TreeCheck {
  readonly #folder: Pick<LogFolder, 'files' | 'directory' | 'hash'>
  readonly #checkpoint: Checkpoint
  readonly #findings: Findings
  readonly #rows: TileRows
  readonly #rotations: ReadonlyMap<number, KeyRotation>
  #newest = -Infinity
  #ended = false
  /** How many entries at the begin are missing. */
  #missingTo = 0
  /** The first entry that was kept, by the word of the log. */
  #kept = 0

  constructor(
    folder: Pick<LogFolder, 'files' | 'directory' | 'hash'>,
    checkpoint: Checkpoint,
    findings: Findings,
    rotations: readonly KeyRotation[],
  ) {
    this.#rotations = new Map(rotations.map((rotation) => [rotation.size, rotation]))
    this.#folder = folder
    this.#checkpoint = checkpoint
    this.#findings = findings
    this.#rows = new TileRows(folder.files, folder.directory, checkpoint.size)
  }

  async run(known: AnchoredTrees, onProgress?: (entries: number, size: number) => void): Promise<void> {
    await this.#run(known, onProgress)
    // Entries at the begin that are missing, and that the log does not say were removed when their time was over.
    if (this.#missingTo <= this.#kept) return
    if (this.#missingTo >= this.#checkpoint.size)
      this.#findings.add('truncated', `The log ends at entry 0, and ${this.#checkpoint.size} were signed`, 0)
    else
      for (let first = 0; first < this.#missingTo; first += tileWidth)
        this.#findings.add('bundle_missing', `The file ${tilePath('entries', first / tileWidth)} is missing`, first)
  }

  async #run(known: AnchoredTrees, onProgress?: (entries: number, size: number) => void): Promise<void> {
    const { size, root } = this.#checkpoint
    // The tree of the hashes on disk, and that of the entries where they differ.
    const above: { level: number; hash: Hash }[] = []
    const byTiles = new Frontier(this.#folder.hash, (level, hash) => void above.push({ level, hash }))
    await known.begin(btoa(byTiles.root()))
    let byEntries: Frontier | undefined
    const pending: { code: EntryProblem; index: number; message: string }[] = []
    for (let bundle = 0; bundle * tileWidth < size; bundle++) {
      const width = widthOf('entries', bundle, size)
      if (bundle % 16 === 0) onProgress?.(bundle * tileWidth, size)
      const entries = await this.#entries(bundle, width)
      const stored = await this.#rows.row(0, bundle, width)
      const leaves = entries?.map((entry) => hashEntry(this.#folder.hash, entry))
      const hashes = stored ?? leaves?.slice(0, width)
      if (stored === undefined) this.#findings.add('tile_missing', `The file ${tilePath(0, bundle, width)} is missing or damaged`, bundle * tileWidth)
      if (hashes === undefined || hashes.length < width) return
      const differing = leaves === undefined ? [] : compareEntries(leaves, hashes, bundle * tileWidth)
      pending.push(...differing.slice(0, maxPending - pending.length))
      if (differing.length > 0) byEntries ??= byTiles.copy()
      for (let place = 0; place < width; place++) {
        byTiles.push(hashes[place] ?? '')
        byEntries?.push(leaves?.[place] ?? hashes[place] ?? '')
        if (byTiles.size === known.next) await known.compare(byTiles.size, btoa(byTiles.root()))
        if (this.#rotations.size > 0) this.#rotated(byTiles)
      }
      for (const { level, hash } of above.splice(0)) await this.#compareAbove(level, hash, byTiles.size)
      this.#times(entries ?? [], bundle * tileWidth)
    }
    if (size === 0 && btoa(byTiles.root()) !== root) this.#findings.add('root_mismatch', 'The checkpoint of an empty log has a root')
    else if (btoa(byTiles.root()) === root) for (const { code, index, message } of pending) this.#findings.add(code, message, index)
    else if (byEntries !== undefined && btoa(byEntries.root()) === root)
      this.#findings.add('tile_changed', 'Hashes on disk were changed; the entries are as they were signed', pending[0]?.index)
    else {
      for (const { code, index, message } of pending) this.#findings.add(code, message, index)
      this.#findings.add('root_mismatch', 'The entries are not those that were signed: they were written anew without the key')
    }
  }

  // A key names the next one for the tree that it signed last.
  #rotated(tree: Frontier): void {
    const rotation = this.#rotations.get(tree.size)
    if (rotation !== undefined && btoa(tree.root()) !== rotation.root)
      this.#findings.add('rotation_invalid', 'The key was followed by another one over another tree', tree.size)
  }

  // The entries of a bundle; more than `width` where a checkpoint does not cover all of a whole one.
  async #entries(bundle: number, width: number): Promise<Uint8Array[] | undefined> {
    const { size } = this.#checkpoint
    const path = tilePath('entries', bundle, width)
    const isLast = (bundle + 1) * tileWidth >= size
    const exact = await this.#folder.files.read(join(this.#folder.directory, path), maxTileBytes('entries'))
    const bytes = exact ?? (await readTile(this.#folder.files, this.#folder.directory, 'entries', bundle, 0, size))
    if (bytes === undefined) {
      if (bundle * tileWidth === this.#missingTo) {
        this.#missingTo += width
        return undefined
      }
      if (this.#ended) return undefined
      this.#ended = await this.#isEnd(bundle)
      if (this.#ended) this.#findings.add('truncated', `The log ends at entry ${bundle * tileWidth}, and ${size} were signed`, bundle * tileWidth)
      else this.#findings.add('bundle_missing', `The file ${path} is missing`, bundle * tileWidth)
      return undefined
    }
    const entries = splitBundle(bytes)
    if (entries === undefined) {
      this.#findings.add('bundle_missing', `The file ${path} is damaged`, bundle * tileWidth)
      return undefined
    }
    // A whole bundle that took the place of the partial one holds newer entries, which this checkpoint does not cover.
    return exact === undefined && isLast ? entries.slice(0, width) : entries
  }

  async #isEnd(bundle: number): Promise<boolean> {
    const { size } = this.#checkpoint
    for (let next = bundle + 1; next * tileWidth < size; next++)
      if ((await readTile(this.#folder.files, this.#folder.directory, 'entries', next, 0, size)) !== undefined) return false
    return true
  }

  async #compareAbove(level: number, hash: Hash, size: number): Promise<void> {
    const place = size / tileWidth ** level - 1
    const index = Math.floor(place / tileWidth)
    const row = await this.#rows.row(level, index, this.#rows.width(level, index))
    if (row?.[place % tileWidth] === hash) return
    const path = tilePath(level, index, this.#rows.width(level, index))
    if (row !== undefined) this.#findings.add('tile_changed', `The file ${path} does not fit the hashes below it`, place * tileWidth ** level)
    else if (this.#rows.isFirstMiss(level, index))
      this.#findings.add('tile_missing', `The file ${path} is missing or damaged`, place * tileWidth ** level)
  }

  #times(entries: readonly Uint8Array[], first: number): void {
    for (const [place, entry] of entries.entries()) {
      const record = parseEntry(Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString())
      const rotation = this.#rotations.get(first + place)
      if (rotation !== undefined && !(record?.kind === 'log' && record.event === 'key_rotated' && record.endorsement === rotation.note))
        this.#findings.add('rotation_invalid', 'Another key signs from here on, and the log does not say so', first + place)
      if (record?.kind === 'log' && record.event === 'pruned' && Number.isSafeInteger(record.kept))
        this.#kept = Math.max(this.#kept, record.kept ?? 0)
      if (record === undefined) {
        this.#findings.add('record_malformed', 'This entry is no record', first + place, 'warning')
        continue
      }
      if (record.time < this.#newest - timeTolerance)
        this.#findings.add(
          'time_reversed',
          `This record is ${Math.round((this.#newest - record.time) / 1000)} s older than one before it: the clock was set back`,
          first + place,
          'warning',
        )
      // One step back is one finding: what follows is measured by the new time.
      this.#newest = record.time < this.#newest - timeTolerance ? record.time : Math.max(this.#newest, record.time)
    }
  }
}
