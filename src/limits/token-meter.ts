import type { Codec, Usage } from '../guard/codec.ts'
import type { TokenUsage } from './prices.ts'
import { innerStringBytes, stringBytes, textBytes, tokensIn } from './token-estimate.ts'

/** No text has more bytes a token than this on average: what is longer has more tokens than it may have. */
const mostBytesPerToken = 8

/** A vendor that reports more tokens than this for one call reports nonsense. */
const mostReported = 1e9

/** Counts what an answer takes: by what is delivered, and by what the vendor reports. */
export class TokenMeter {
  readonly #codec: Codec | undefined
  #estimated = 0
  #bytes = 0
  #parts = 0
  #input = 0
  #cachedInput = 0
  #output = 0
  #reasoning = 0
  #isUnreadable = false
  #isUnknown = false

  constructor(codec: Codec | undefined) {
    this.#codec = codec
  }

  /** What the input is expected to take, until the vendor says better. */
  expect(inputTokens: number): void {
    this.#estimated = inputTokens
  }

  /** Bytes delivered, with this part. Notes what the vendor reports, and changes nothing else. */
  measure(part: unknown, streamed: boolean): number {
    this.#parts++
    return this.#bytes + this.#count(part, streamed)
  }

  /** That many bytes in all are delivered. */
  deliver(bytes: number): void {
    this.#bytes = bytes
  }

  /** Whether so many bytes are more than that many tokens, or the vendor reports more. */
  exceeds(tokens: number, bytes: number): boolean {
    return Math.max(this.#output, bytes / mostBytesPerToken) > tokens
  }

  /** Output tokens with so many bytes delivered: the larger of that and of what the vendor reports. */
  output(bytes: number = this.#bytes): number {
    return Math.max(tokensIn(bytes), this.#output)
  }

  /** What all of it takes with so many bytes delivered. */
  usage(bytes: number = this.#bytes): TokenUsage {
    const output = this.output(bytes)
    if (this.#input === 0) return { input: this.#estimated, cachedInput: 0, output, reasoning: 0 }
    return { input: this.#input, cachedInput: Math.min(this.#cachedInput, this.#input), output, reasoning: Math.min(this.#reasoning, this.#output) }
  }

  /** Whether any of it is known: nobody knows what a call took that gave nothing, or something that cannot be read. */
  isKnown(streamed: boolean): boolean {
    return !this.#isUnknown && (this.#parts > 0 || (streamed && this.#codec !== undefined))
  }

  #count(part: unknown, streamed: boolean): number {
    const codec = this.#codec
    if (codec === undefined) {
      // What a function gives without a codec is not the engine's copy, so nothing is read in it.
      if (typeof part === 'string' || part instanceof Uint8Array) return stringBytes(part)
      this.#isUnknown = true
      return 0
    }
    this.#report(codec.answer.usage(part))
    if (!this.#isUnreadable) {
      try {
        return textBytes(codec.answer.texts(part))
      } catch {
        // Pieces of a tool call's arguments are no texts yet, and still they are tokens.
        this.#isUnreadable = true
      }
    }
    return streamed ? innerStringBytes(part) : stringBytes(part)
  }

  // A vendor may report in several parts, and more in each; no report lowers what an earlier one said.
  #report(usage: Usage | undefined): void {
    if (usage === undefined) return
    const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage
    this.#input = Math.max(this.#input, plausible(inputTokens))
    this.#output = Math.max(this.#output, plausible(outputTokens))
    // What was cached is cheaper, and so the last word of it counts, which came with an input that it is a part of.
    if (plausible(inputTokens) > 0) this.#cachedInput = plausible(cachedInputTokens)
    this.#reasoning = Math.max(this.#reasoning, plausible(reasoningTokens))
  }
}

function plausible(tokens: unknown): number {
  return typeof tokens === 'number' && tokens > 0 && tokens <= mostReported ? Math.ceil(tokens) : 0
}
