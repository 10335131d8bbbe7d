/**
 * Cuts a stream of bytes into chunks of one size, however it comes. A chunk that lies within one piece is not copied; what is
 * left of a piece is.
 */
export class ChunkCutter {
  readonly #size: number
  readonly #held: Uint8Array
  #heldLength = 0
  #piece: Uint8Array = new Uint8Array()
  #pieceLength = 0
  #at = 0

  /** @param size bytes of every chunk. */
  constructor(size: number) {
    this.#size = size
    this.#held = new Uint8Array(size)
  }

  /** The next piece, once the whole chunks of the one before were taken and its rest was kept. It stays as it is until then. */
  push(piece: Uint8Array): void {
    if (!(piece instanceof Uint8Array)) throw new TypeError('a stream that is sealed or opened must be of bytes')
    // What another thread could write to while it is worked on is copied.
    this.#piece = piece.buffer instanceof ArrayBuffer ? piece : Uint8Array.from(piece)
    this.#pieceLength = piece.length
    this.#at = 0
  }

  /** How many whole chunks there are. */
  get whole(): number {
    return Math.floor((this.#heldLength + this.#pieceLength - this.#at) / this.#size)
  }

  /** The next whole chunk, of which there must be one; valid until the next call. */
  take(): Uint8Array {
    const start = this.#at
    this.#at += this.#size - this.#heldLength
    // A buffer that was transferred has no bytes any more: better no stream than one with a hole.
    if (this.#piece.length !== this.#pieceLength || this.#at > this.#pieceLength) throw new TypeError('a piece of a stream changed while it was read')
    const part = this.#piece.subarray(start, this.#at)
    if (this.#heldLength === 0) return part
    this.#held.set(part, this.#heldLength)
    this.#heldLength = 0
    return this.#held
  }

  /** Copies what is left of the piece, which is less than a chunk. */
  keep(): void {
    if (this.#piece.length !== this.#pieceLength) throw new TypeError('a piece of a stream changed while it was read')
    this.#held.set(this.#piece.subarray(this.#at), this.#heldLength)
    this.#heldLength += this.#pieceLength - this.#at
    this.#at = this.#pieceLength
  }

  /** What was kept. */
  rest(): Uint8Array {
    return this.#held.subarray(0, this.#heldLength)
  }
}
