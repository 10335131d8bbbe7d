import { injectiveText } from '../../guard/call-digest.ts'
import { snapshotJson } from '../../guard/snapshot.ts'

/** The approved descriptors of tools: the digest of each, by the tool's name. */
export type ToolPins = Readonly<Record<string, string>>

/** A tool that is not what was approved, or that nobody approved. */
export interface UnpinnedTool {
  readonly name: string
  /** What would have to be pinned, once somebody has read the descriptor. */
  readonly digest: string
  /** What is pinned; undefined for a tool that nobody approved. */
  readonly pinned: string | undefined
  /** A copy of the descriptor. */
  readonly descriptor: unknown
}

/** Options for pins, of servers and clients alike. */
export interface PinOptions {
  /** The approved tools; a function where approvals come while the program runs, asked each time. Any other tool is neither listed nor run. */
  readonly pins?: ToolPins | (() => ToolPins)
  /** Told of each tool that is kept back, whenever it is. What it throws is nobody's business. */
  readonly onUnpinned?: (tool: UnpinnedTool) => void
}

/**
 * The digest of a tool's descriptor: `sha256:` and the SHA-256 of its canonical JSON (RFC 8785), in base64url. Every member counts: name,
 * title, description, schemas, annotations. Equal for equal descriptors alone, in whatever order their members stand.
 *
 * @throws GuardError `payload_invalid` for what is no JSON.
 */
export async function toolDigest(descriptor: object): Promise<string> {
  return digestOf(snapshotJson(descriptor))
}

/**
 * The digests of descriptors by their names, as a file of approvals would hold them: written by whoever has read the descriptors, and
 * given back as `pins`.
 *
 * ```ts
 * const { tools } = await client.listTools()
 * await writeFile('tools.json', JSON.stringify(await pinsOf(tools)))
 * ```
 *
 * @throws TypeError for two tools of one name.
 */
export async function pinsOf(descriptors: readonly { readonly name: string }[]): Promise<ToolPins> {
  const pins: [string, string][] = []
  for (const descriptor of descriptors) {
    if (pins.some(([name]) => name === descriptor.name)) throw new TypeError(`pinsOf: two tools are called '${descriptor.name}'`)
    pins.push([descriptor.name, await toolDigest(descriptor)])
  }
  return Object.freeze(Object.fromEntries(pins))
}

async function digestOf(copy: unknown): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(injectiveText(copy))))
  const base64 = btoa(String.fromCharCode(...hash))
  return `sha256:${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
}

/** Which tools are as they were approved. */
export class PinnedTools {
  readonly #pins: () => ToolPins
  readonly #onUnpinned: (tool: UnpinnedTool) => void

  constructor(pins: ToolPins | (() => ToolPins), onUnpinned: (tool: UnpinnedTool) => void) {
    this.#pins = typeof pins === 'function' ? pins : () => pins
    this.#onUnpinned = onUnpinned
  }

  /** Those of a list that are what was approved; of several with one name, none. */
  async kept(descriptors: readonly unknown[]): Promise<readonly unknown[]> {
    const pins = this.#pins()
    const counts = new Map<unknown, number>()
    for (const descriptor of descriptors) counts.set(nameOf(descriptor), (counts.get(nameOf(descriptor)) ?? 0) + 1)
    const kept: unknown[] = []
    for (const descriptor of descriptors) {
      const name = nameOf(descriptor)
      if (name === undefined) continue
      const digest = await digestOf(descriptor)
      const pinned = Object.hasOwn(pins, name) ? pins[name] : undefined
      if (pinned === digest && counts.get(name) === 1) kept.push(descriptor)
      else this.#tell({ name, digest, pinned, descriptor })
    }
    return kept
  }

  #tell(tool: UnpinnedTool): void {
    try {
      this.#onUnpinned(Object.freeze(tool))
    } catch {
      // Keeping the tool back does not hang on whoever is told.
    }
  }
}

/** The name of a descriptor; undefined where it has none. */
export function nameOf(descriptor: unknown): string | undefined {
  if (typeof descriptor !== 'object' || descriptor === null || !('name' in descriptor)) return undefined
  return typeof descriptor.name === 'string' && descriptor.name !== '' ? descriptor.name : undefined
}

/** @throws TypeError for pins that are none. */
export function checkPins(factory: string, { pins, onUnpinned }: PinOptions): void {
  if (onUnpinned !== undefined && typeof onUnpinned !== 'function') throw new TypeError(`${factory}: onUnpinned: must be a function`)
  if (pins === undefined || typeof pins === 'function') return
  if (typeof pins !== 'object' || pins === null || Array.isArray(pins)) throw new TypeError(`${factory}: pins: must be digests by name`)
  for (const [name, digest] of Object.entries(pins))
    if (typeof digest !== 'string' || !/^sha256:[\w-]{43}$/.test(digest)) throw new TypeError(`${factory}: pins: '${name}' has no digest`)
}
