/**
 * A part of an answer after it was sealed: text for the wire that nothing further out can read. Server adapters write it
 * as it is.
 */
export class SealedPart {
  readonly mediaType: string
  readonly body: string

  constructor(mediaType: string, body: string) {
    this.mediaType = mediaType
    this.body = body
    Object.freeze(this)
  }
}
