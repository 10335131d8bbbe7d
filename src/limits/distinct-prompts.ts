import { Fingerprints } from './fingerprint.ts'

/** Prompts that are remembered, in sets of four: the one whose time is up first makes room. */
const sets = 16_384
const ways = 4

/**
 * Which prompts were sent before, by whom: fingerprints under a secret of the process, in fixed memory (one megabyte, taken
 * with the first prompt). What was forgotten to make room counts once more, so a flood of prompts makes none of them free.
 */
export class DistinctPrompts {
  readonly #fingerprints = new Fingerprints()
  #tags: Int32Array | undefined
  #until: Float64Array | undefined

  /** What stands for this prompt under this limit and key. */
  mark(limit: string, key: string, prompt: string): PromptMark {
    const fingerprints = this.#fingerprints
    fingerprints.take(`${limit.length}:${limit}${key.length}:${key}${prompt}`)
    return { low: fingerprints.low, high: fingerprints.high }
  }

  /** Whether it was not sent before, as far as anybody remembers. `now` in milliseconds of a clock that never steps back. */
  isNew({ low, high }: PromptMark, now: number): boolean {
    const at = this.#find(low, high)
    return at < 0 || (this.#until?.[at] as number) <= now
  }

  /** It was sent, and sending it again is free until then. */
  remember({ low, high }: PromptMark, until: number): void {
    this.#tags ??= new Int32Array(sets * ways * 2)
    this.#until ??= new Float64Array(sets * ways)
    let at = this.#find(low, high)
    if (at < 0) {
      at = (low & (sets - 1)) * ways
      for (let other = at + 1; other < ((low & (sets - 1)) + 1) * ways; other++)
        if ((this.#until[other] as number) < (this.#until[at] as number)) at = other
      this.#tags[at * 2] = low
      this.#tags[at * 2 + 1] = high
    }
    this.#until[at] = until
  }

  #find(low: number, high: number): number {
    const tags = this.#tags
    if (tags === undefined) return -1
    const first = (low & (sets - 1)) * ways
    for (let at = first; at < first + ways; at++) if (tags[at * 2] === low && tags[at * 2 + 1] === high) return at
    return -1
  }
}

/** What stands for a prompt. */
export interface PromptMark {
  readonly low: number
  readonly high: number
}
