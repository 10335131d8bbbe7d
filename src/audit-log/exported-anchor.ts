import { type Check, checkOptions, isFunction } from '../guard/check-options.ts'
import { anchoredHead } from './anchored-head.ts'
import type { Anchor, Checkpoint } from './audit-log.ts'
import { openCheckpoint } from './checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from './signed-note.ts'

/** Options of `exportedAnchor`. */
export interface ExportedAnchorOptions {
  /** Gives the lines, each time from the first one. What is no JSON is passed over: the last line may not be whole yet. */
  readonly lines: () => Iterable<string> | AsyncIterable<string>
  /**
   * The log's verifier key, or all that it has had, the newest among them. What none of them signed counts for nothing: anybody may
   * send telemetry. So without the newest one a log that was put back to before its key was rotated is not told from one that ends there.
   */
  readonly key: string | readonly string[]
}

const checks: Readonly<Record<keyof ExportedAnchorOptions, Check>> = {
  lines: [isFunction, 'a function that gives lines of text'],
  key: [
    (value) => typeof value === 'string' || (Array.isArray(value) && value.length > 0 && value.every((key) => typeof key === 'string')),
    'the verifier key, or several: name+id+base64',
  ],
}

const maxDepth = 64
/** A signed checkpoint is short. */
const maxNote = 4_096

/**
 * An anchor to verify by: lines of JSON that were exported from wherever `otelAnchor` or `postgresAnchor` wrote to, such as the file
 * of a collector. In whatever members a back end keeps them: each signed checkpoint of the log in them counts, and is compared with
 * the log, so that a cut tail, a rollback and a second version of the log are seen. It is read only.
 *
 * ```ts
 * const anchor = await exportedAnchor({ lines: () => createInterface({ input: createReadStream('otlp-logs.jsonl') }), key })
 * const report = await verifyLog('var/audit', { key, anchor })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export async function exportedAnchor(options: ExportedAnchorOptions): Promise<Anchor> {
  checkOptions('exportedAnchor', options, checks)
  const { lines, key } = options
  const keys = await Promise.all((typeof key === 'string' ? [key] : key).map((text) => parseVerifierKey(text)))

  // What was sent twice, or is read again, is verified once.
  const known = new Map<string, Checkpoint | undefined>()
  const read = async (): Promise<readonly Checkpoint[]> => {
    for await (const line of lines())
      for (const note of notesIn(parsed(line), 0)) if (!known.has(note) && anchoredHead(note) !== undefined) known.set(note, await signed(note, keys))
    return [...known.values()].filter((checkpoint) => checkpoint !== undefined).sort((one, other) => one.size - other.size)
  }
  return {
    publish: () => Promise.reject(new Error('What was exported is read and not written')),
    latest: async () => (await read()).at(-1)?.note,
    async *history() {
      for (const { note } of await read()) if (note !== undefined) yield note
    },
  }
}

async function signed(note: string, keys: readonly VerifierKey[]): Promise<Checkpoint | undefined> {
  for (const key of keys) {
    const opened = await openCheckpoint(note, key)
    if ('checkpoint' in opened) return opened.checkpoint
  }
  return undefined
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

// Every text that may be a signed note, wherever it stands.
function* notesIn(value: unknown, depth: number): Generator<string> {
  if (typeof value === 'string') {
    if (value.length <= maxNote && value.includes('\n\n\u2014 ')) yield value
  } else if (typeof value === 'object' && value !== null && depth < maxDepth)
    for (const member of Object.values(value)) yield* notesIn(member, depth + 1)
}
