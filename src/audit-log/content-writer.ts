import type { Awaitable } from '../guard/context.ts'
import { sealContent } from '../encryption/sealed-content.ts'
import type { ContentKey } from './content-keys.ts'
import type { RunningDigest } from './keyed-digest.ts'
import type { ContentRecord, RecordedContent } from './record.ts'

/** Bytes of content in one record: sealed and in base64 they fit an entry, with room for what else it says. */
const pieceBytes = 36_000
/** Bytes of one input or one output that are kept at most. */
const maxContentBytes = 1_048_576

/** What a content belongs to. */
export interface ContentPlace {
  readonly guard: string
  readonly id: string
  readonly of: 'input' | 'output'
  readonly task: string
}

/** Seals one input or one output, as it comes, into records of its own. */
export class ContentWriter implements RunningDigest {
  readonly #place: ContentPlace
  readonly #key: Awaitable<ContentKey>
  readonly #append: (record: ContentRecord) => Promise<unknown>
  readonly #now: () => number
  #piece: Uint8Array = new Uint8Array(0)
  #length = 0
  #bytes = 0
  #omitted = 0
  #parts = 0
  // One after the other, so that pieces stand in the log in order.
  #written: Promise<unknown> = Promise.resolve()
  #kid: string | undefined

  /** @param append writes a record; what it rejects with is what `end` rejects with. */
  constructor(place: ContentPlace, key: Awaitable<ContentKey>, append: (record: ContentRecord) => Promise<unknown>, now: () => number) {
    this.#place = place
    this.#key = key
    this.#append = append
    this.#now = now
    if (key instanceof Promise) key.catch(() => {})
  }

  update(content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    const kept = Math.min(bytes.length, maxContentBytes - this.#bytes)
    this.#omitted += bytes.length - kept
    this.#bytes += kept
    for (let at = 0; at < kept; ) {
      if (this.#length === this.#piece.length) this.#grow(kept - at)
      const taken = Math.min(kept - at, this.#piece.length - this.#length)
      this.#piece.set(bytes.subarray(at, at + taken), this.#length)
      this.#length += taken
      at += taken
      if (this.#length === pieceBytes) this.#emit()
    }
  }

  /** Resolves when all of it is in the log, to an empty text. */
  async end(): Promise<string> {
    if (this.#length > 0) this.#emit()
    await this.#written
    return ''
  }

  /** What the record of the call says of it; undefined where there was nothing. Known when it has ended. */
  get content(): RecordedContent | undefined {
    if (this.#kid === undefined) return undefined
    const omitted = this.#omitted === 0 ? undefined : this.#omitted
    return { bytes: this.#bytes, key: this.#kid, omitted, parts: this.#parts }
  }

  #grow(more: number): void {
    const larger = new Uint8Array(Math.min(pieceBytes, Math.max(this.#length + more, this.#length * 2)))
    larger.set(this.#piece.subarray(0, this.#length))
    this.#piece = larger
  }

  #emit(): void {
    const piece = this.#piece.subarray(0, this.#length)
    this.#piece = new Uint8Array(0)
    this.#length = 0
    const part = this.#parts++
    this.#written = this.#written.then(() => this.#write(piece, part))
    // Whoever ends it hears of it.
    this.#written.catch(() => {})
  }

  async #write(piece: Uint8Array, part: number): Promise<void> {
    const { id: key, key: secret } = await this.#key
    this.#kid = key
    const { guard, id, of, task } = this.#place
    const sealed = await sealContent(piece, secret, key, contentContext({ id, of, part }))
    await this.#append({ guard, id, key, kind: 'content', of, part, sealed, task, time: this.#now(), version: 1 })
  }
}

/** What a sealed piece is bound to: it cannot be moved to another call or another place. */
export function contentContext({ id, of, part }: Pick<ContentRecord, 'id' | 'of' | 'part'>): string {
  return `sallyport content v1/${id}/${of}/${part}`
}
