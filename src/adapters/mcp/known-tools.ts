import { GuardError } from '../../guard/errors.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import { nameOf, type PinnedTools } from './tool-pins.ts'
import type { McpFrame } from './tap-transport.ts'

/** Asks whoever has the tools for one page of their list. */
export type AskPage = (cursor: string | undefined) => Promise<McpFrame>

/** No list has more pages, and no page more tools. */
const maxPages = 100
const maxTools = 10_000

/** Which tools of one connection are as they were approved, as far as the other side has said what they are. */
export class KnownTools {
  readonly #pinned: PinnedTools
  #names = new Set<string>()
  #isComplete = false
  /** Raised whenever what is known is given up, so that a list that was asked for before says nothing. */
  #age = 0

  constructor(pinned: PinnedTools) {
    this.#pinned = pinned
  }

  /** The tools of one page that may be shown. What is not among them must not be called from now on. */
  async page(tools: readonly unknown[]): Promise<readonly unknown[]> {
    const age = this.#age
    for (const tool of tools) this.#names.delete(nameOf(tool) ?? '')
    const kept = await this.#pinned.kept(tools)
    if (age === this.#age) for (const tool of kept) this.#names.add(nameOf(tool) ?? '')
    return kept
  }

  /** Nothing is known any more: the list has changed. */
  forget(): void {
    this.#age++
    this.#names = new Set()
    this.#isComplete = false
  }

  /** @throws GuardError `denied` for a tool that is not what was approved. */
  async require(name: string, ask: AskPage): Promise<void> {
    if (!this.#names.has(name) && !this.#isComplete) await this.#ask(ask)
    if (!this.#names.has(name)) throw new GuardError('denied', { reason: 'the descriptor of the tool is not the one that was approved' })
  }

  // All pages before any counts: of two tools with one name on two pages neither is known.
  async #ask(ask: AskPage): Promise<void> {
    const age = this.#age
    const tools: unknown[] = []
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      const result = snapshotJson(await ask(cursor)) as McpFrame
      tools.push(...toolsIn(result))
      if (tools.length > maxTools) throw new GuardError('payload_too_large', { reason: 'the list of tools is too long' })
      const { nextCursor } = result
      if (typeof nextCursor !== 'string') {
        const kept = await this.#pinned.kept(tools)
        if (age !== this.#age) return
        this.#names = new Set(kept.map((tool) => nameOf(tool) ?? ''))
        this.#isComplete = true
        return
      }
      cursor = nextCursor
    }
    throw new GuardError('payload_too_large', { reason: 'the list of tools has too many pages' })
  }
}

/** The tools in a result. @throws GuardError `payload_invalid` where there is no list of them. */
export function toolsIn(result: McpFrame): readonly unknown[] {
  if (!Array.isArray(result.tools)) throw new GuardError('payload_invalid', { reason: 'a list of tools without tools' })
  return result.tools
}
