import type { Codec, Usage } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { SealedPart } from '../guard/control.ts'
import { treatWhole } from '../guard/whole-answer.ts'
import { canonicalJson } from './canonical-json.ts'
import type { RunningDigest } from './keyed-digest.ts'

/**
 * Sees the parts of an answer go by, changes none: what the vendor reports as used, and a digest of what was delivered.
 * Of a stream it digests the canonical JSON (RFC 8785) of each part, followed by a line break; of a whole answer its
 * canonical JSON; of a sealed part its sealed text.
 */
export class AnswerMeter {
  readonly #codec: Codec | undefined
  #digest: RunningDigest | undefined
  readonly #streamed: boolean
  #usage: Usage | undefined
  #seen = 0
  // A part has been delivered when the next one is asked for; whether the last one was, only the outcome tells.
  #pending: string | undefined
  readonly #now: () => number
  #firstAt: number | undefined

  /** @param now the time, in milliseconds. */
  constructor(codec: Codec | undefined, digest: RunningDigest | undefined, streamed: boolean, now: () => number) {
    this.#now = now
    this.#codec = codec
    this.#digest = digest
    this.#streamed = streamed
  }

  /** What the vendor reports, in all parts together. */
  get usage(): Usage | undefined {
    return this.#usage
  }

  /** When the first part went by. */
  get firstAt(): number | undefined {
    return this.#firstAt
  }

  /** The digest of the parts that were delivered; undefined where none is made. */
  digest(delivered: number): Promise<string> | undefined {
    if (delivered >= this.#seen) this.#take()
    const digest = this.#digest
    // What a source that was stopped still gives goes nowhere.
    this.#digest = undefined
    return digest === undefined ? undefined : Promise.resolve(digest.end())
  }

  watch(parts: AsyncIterable<unknown>): AsyncIterable<unknown> {
    if (!this.#streamed)
      return treatWhole(parts, (answer) => {
        this.#see(answer)
        return answer
      })
    return new WatchedParts(parts[Symbol.asyncIterator](), (part) => this.#see(part))
  }

  #see(part: unknown): void {
    this.#firstAt ??= this.#now()
    if (this.#digest !== undefined) {
      this.#take()
      // Now and not when it is taken: what cannot be digested is not delivered.
      this.#pending = part instanceof SealedPart ? part.body : contentText(part)
    }
    this.#seen++
    if (this.#codec === undefined || part instanceof SealedPart) return
    const usage = this.#codec.answer.usage(part)
    if (usage !== undefined) this.#usage = laterUsage(this.#usage, usage)
  }

  #take(): void {
    if (this.#pending === undefined) return
    this.#digest?.update(this.#pending)
    if (this.#streamed) this.#digest?.update('\n')
    this.#pending = undefined
  }
}

/** What of a content is digested: of a function that returns nothing, nothing. Throws `payload_unsupported` for what has no canonical form. */
export function contentText(content: unknown): string {
  if (content === undefined) return ''
  try {
    return canonicalJson(content)
  } catch (error) {
    throw new GuardError('payload_unsupported', { reason: 'the content has no canonical form to digest', cause: error })
  }
}

// Numbers count up in a stream. What was cached is a part of the input that it was told with.
function laterUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (earlier === undefined) return later
  const cached = later.inputTokens > 0 ? later.cachedInputTokens : earlier.cachedInputTokens
  const reasoning = Math.max(later.reasoningTokens ?? -1, earlier.reasoningTokens ?? -1)
  return {
    inputTokens: Math.max(later.inputTokens, earlier.inputTokens),
    outputTokens: Math.max(later.outputTokens, earlier.outputTokens),
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(reasoning >= 0 && { reasoningTokens: reasoning }),
  }
}

// By hand: an async generator would cost a stream several turns a part.
class WatchedParts implements AsyncIterableIterator<unknown> {
  readonly #inner: AsyncIterator<unknown>
  readonly #seen: (result: IteratorResult<unknown>) => IteratorResult<unknown>

  constructor(inner: AsyncIterator<unknown>, see: (part: unknown) => void) {
    this.#inner = inner
    this.#seen = (result) => {
      if (result.done !== true) see(result.value)
      return result
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#inner.next().then(this.#seen)
  }

  async return(): Promise<IteratorResult<unknown>> {
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }
}
