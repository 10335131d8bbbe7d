import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import type { AsyncDetector } from '../masking/async-detector.ts'
import type { Detect } from '../masking/detector.ts'
import { keyedHash } from '../masking/keyed-hash.ts'
import { Classes, membershipOf } from './classes.ts'
import { type AnonymizePlan, type ParsedPlan, parsePlan } from './plan.ts'
import { type AnonymizeReport, reportOf } from './report.ts'
import type { Cell, Row } from './row.ts'
import { RowDigest } from './row-digest.ts'
import { RowWriter, type WrittenRow } from './row-writer.ts'

/** Rows that can be read once. */
export type RowSource = AsyncIterable<Row> | Iterable<Row>

/** Options of `anonymize`. */
export interface AnonymizeOptions {
  /** At least 32 bytes; copied. Needed by modes `hash`, `pseudonym` and `surrogate`. */
  readonly key?: Uint8Array
  /** What must not be seen in free text (mode `mask`). */
  readonly detect?: Detect
  /** Whoever takes his time to find more in it, such as a model that knows names. */
  readonly asyncDetect?: AsyncDetector | readonly AsyncDetector[]
  /**
   * The most characters that are held for classes and for rows that wait for others of their class; 128 Mi unless given. Beyond it the data
   * set is refused.
   */
  readonly maxHeld?: number
}

/** A data set on its way. Its rows can be read once; they keep what was promised only if reading them ends without an error. */
export interface Anonymized extends AsyncIterable<Row> {
  /** The columns that are written, in their order, as far as rows were read. */
  columns(): readonly string[]
  /** What was done. @throws TypeError before the last row was read. */
  report(): AnonymizeReport
}

const checks: Readonly<Record<keyof AnonymizeOptions, Check>> = {
  key: [optional((value) => value instanceof Uint8Array), 'a Uint8Array of at least 32 bytes'],
  detect: [optional((value) => typeof value === 'object' && value !== null), 'detectors, such as detectors.pii'],
  asyncDetect: [optional((value) => typeof value === 'object' && value !== null), 'asynchronous detectors'],
  maxHeld: [optional((value) => Number.isSafeInteger(value) && Number(value) > 0), 'a whole number of characters'],
}

/**
 * Anonymises a data set, row by row: each column by its mode, and, with `quasiIdentifiers`, `k` and `l`, without the rows of
 * classes that are too small (k-anonymity) or too much alike (distinct l-diversity).
 *
 * ```ts
 * const out = anonymize(
 *   () => readCsv(chunksOf('patients.csv')),
 *   {
 *     columns: {
 *       name: 'drop',
 *       born: { mode: 'generalize', to: { date: 'decade' } },
 *       postcode: { mode: 'generalize', to: { prefix: 2 } },
 *       diagnosis: 'keep',
 *       notes: 'mask',
 *     },
 *     quasiIdentifiers: ['born', 'postcode'], k: 5, sensitive: ['diagnosis'], l: 2,
 *   },
 *   { detect: detectors.all },
 * )
 * for await (const row of out) console.log(row)
 * out.report() // { rows: { in: 1200, out: 1184, suppressed: 16 }, … }
 * ```
 *
 * @param rows where there is `k` or `l`: a function that gives the same rows each time. They are read twice then, come out
 * in their order, and only the classes are held. Rows that can be read once are held until their class is safe, and come
 * out in another order.
 *
 * @throws TypeError for a plan or options that are wrong. While rows are read, GuardError: `payload_invalid` for a row that
 * is not as the plan wants it, `payload_blocked` for what cannot be masked, `payload_too_large` beyond `maxHeld`.
 */
export function anonymize(rows: RowSource | (() => RowSource), plan: AnonymizePlan, options: AnonymizeOptions = {}): Anonymized {
  checkOptions('anonymize', options, checks)
  const { key, detect, asyncDetect, maxHeld = 128 * 1024 * 1024 } = options
  if (typeof rows !== 'function' && !isRows(rows)) throw new TypeError('anonymize: rows: must be iterable, or a function that gives what is')
  const parsed = parsePlan(plan)
  const own = key?.slice()
  const writer = new RowWriter(parsed, { key: own, hash: own === undefined ? undefined : keyedHash(own), detect, asyncDetect })
  const classes = parsed.quasiIdentifiers.length === 0 ? undefined : new Classes(parsed, maxHeld)
  const count = { in: 0, out: 0, suppressed: 0 }
  let state: 'new' | 'read' | 'ended' = 'new'

  async function* run(): AsyncGenerator<Row, void, undefined> {
    for await (const after of written(rows, parsed, writer, classes, count)) {
      count.out++
      yield Object.fromEntries(after)
    }
    count.suppressed = count.in - count.out
    state = 'ended'
  }

  return Object.freeze({
    [Symbol.asyncIterator]() {
      if (state !== 'new') throw new TypeError('anonymize: rows can be read once')
      state = 'read'
      return run()
    },
    columns: () => writer.names,
    report() {
      if (state !== 'ended') throw new TypeError('anonymize: there is a report when the last row was read')
      return reportOf({ ...count }, writer.tallies, parsed, classes)
    },
  })
}

type Written = ReadonlyMap<string, Cell>

async function* written(
  rows: RowSource | (() => RowSource),
  plan: ParsedPlan,
  writer: RowWriter,
  classes: Classes | undefined,
  count: { in: number },
): AsyncGenerator<Written, void, undefined> {
  const isEnforced = plan.k > 1 || plan.l > 1
  if (classes !== undefined && isEnforced && typeof rows === 'function') {
    const digest = await countClasses(rows(), plan, writer, classes)
    yield* safeRows(rows(), plan, writer, classes, digest, count)
    return
  }
  const waiting = new Map<string, { readonly rows: Written[]; size: number }>()
  for await (const row of typeof rows === 'function' ? rows() : rows) {
    const { before, after } = await writer.write(row, ++count.in)
    if (classes === undefined) {
      yield after
      continue
    }
    const membership = membershipOf(plan, before, after)
    const { key } = membership
    classes.add(membership)
    if (!isEnforced) yield after
    else if (classes.isSafe(key)) {
      const held = waiting.get(key)
      waiting.delete(key)
      classes.hold(-(held?.size ?? 0))
      yield* held?.rows ?? []
      yield after
    } else {
      const held = waiting.get(key) ?? { rows: [], size: 0 }
      waiting.set(key, held)
      const size = sizeOf(after)
      classes.hold(size)
      held.rows.push(after)
      held.size += size
    }
  }
}

// Only what classes are made of is written, and nothing is counted twice.
async function countClasses(rows: RowSource, plan: ParsedPlan, writer: RowWriter, classes: Classes): Promise<RowDigest> {
  const needed = new Set([...plan.quasiIdentifiers, ...plan.sensitive])
  const digest = new RowDigest()
  for await (const row of rows) {
    const { before, after } = await writer.write(row, digest.rows + 1, needed)
    const membership = membershipOf(plan, before, after)
    classes.add(membership)
    digest.add(membership)
  }
  return digest
}

async function* safeRows(
  rows: RowSource,
  plan: ParsedPlan,
  writer: RowWriter,
  classes: Classes,
  expected: RowDigest,
  count: { in: number },
): AsyncGenerator<Written, void, undefined> {
  const digest = new RowDigest()
  for await (const row of rows) {
    const { before, after }: WrittenRow = await writer.write(row, ++count.in)
    const membership = membershipOf(plan, before, after)
    digest.add(membership)
    if (classes.isSafe(membership.key)) yield after
  }
  if (!digest.equals(expected)) throw new GuardError('payload_invalid', { reason: 'the rows were others when they were read again' })
}

function sizeOf(row: Written): number {
  let size = 64
  for (const [name, cell] of row)
    size += name.length + (typeof cell === 'string' ? cell.length : cell === null ? 4 : JSON.stringify(cell).length) + 32
  return size
}

function isRows(rows: unknown): rows is RowSource {
  return typeof rows === 'object' && rows !== null && (Symbol.asyncIterator in rows || Symbol.iterator in rows)
}
