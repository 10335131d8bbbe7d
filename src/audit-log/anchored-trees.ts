import { systemClock, within } from '../guard/clock.ts'
import { abandon } from '../guard/thenable.ts'
import { anchoredHead, type Head } from './anchored-head.ts'
import type { Checkpoint } from './audit-log.ts'
import type { KeyChain } from './key-rotation.ts'
import type { Findings } from './log-report.ts'

/** Milliseconds that an anchor has to answer. */
export const anchorTime = 15_000

/** The trees that an anchor remembers, compared one after the other with those that a log went through. */
export class AnchoredTrees {
  readonly #key: KeyChain
  readonly #latest: Checkpoint | undefined
  #notes: AsyncIterator<string> | undefined
  readonly #findings: Findings
  #waiting: { readonly head: Head; readonly note: string } | undefined
  /** What of the newest one is still to be compared. */
  #isLatestDue: boolean

  /** @param history gives notes in order of size, each unverified. */
  constructor(key: KeyChain, latest: Checkpoint | undefined, history: AsyncIterable<string> | undefined, findings: Findings) {
    this.#key = key
    this.#latest = latest
    this.#isLatestDue = latest !== undefined
    this.#notes = history?.[Symbol.asyncIterator]()
    this.#findings = findings
  }

  /** The size of the next tree that is to be compared; infinite where there is none. */
  get next(): number {
    return Math.min(this.#waiting?.head.size ?? Infinity, this.#isLatestDue ? (this.#latest?.size ?? Infinity) : Infinity)
  }

  /** Before the first entry. @param root of the tree of nothing, base64. */
  async begin(root: string): Promise<void> {
    await this.#advance(0)
    if (this.next === 0) await this.compare(0, root)
  }

  /** @param root what the log's tree of that size has, base64. */
  async compare(size: number, root: string): Promise<void> {
    const latest = this.#latest
    if (latest?.size === size) {
      this.#isLatestDue = false
      if (latest.root !== root) this.#findings.add('forked', 'The anchor remembers another tree of this name', size)
    }
    for (let waiting = this.#waiting; waiting?.head.size === size; waiting = this.#waiting) {
      // What is the same needs nobody's word, and what was said of the newest is not said again.
      const isSaid = latest?.size === size && latest.root === waiting.head.root
      if (waiting.head.root !== root && !isSaid) await this.#differs(waiting.note, size)
      await this.#advance(size)
    }
  }

  /** Lets go of the rest. */
  async close(): Promise<void> {
    await within(systemClock, anchorTime, 'The anchor', this.#notes?.return?.())
  }

  async #differs(note: string, size: number): Promise<void> {
    const isSigned = 'checkpoint' in (await this.#key.open(note))
    this.#findings.add(
      'forked',
      isSigned ? 'The anchor remembers another tree of this name' : 'The anchor remembers a checkpoint that this key did not sign',
      size,
    )
  }

  async #advance(from: number): Promise<void> {
    this.#waiting = undefined
    if (this.#notes === undefined) return
    try {
      const { done, value } = await within(systemClock, anchorTime, 'The anchor', this.#notes.next())
      if (done === true) return
      const head = anchoredHead(value)
      if (head === undefined || head.size < from) throw new Error('no checkpoints in order')
      this.#waiting = { head, note: value }
    } catch {
      this.#findings.add('anchor_unavailable', 'The anchor could not say all that it remembers')
      // It still owes an answer, and would let go only behind that: nobody waits for it.
      abandon(this.#notes.return?.())
      this.#notes = undefined
    }
  }
}
