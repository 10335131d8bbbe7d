/** A piece of text inside a payload, and where it stands. */
export interface Text {
  readonly value: string
  /** JSON pointer (RFC 6901) into the payload or the part. */
  readonly path: string
  /** Who wrote it. `data` where a payload has no speakers. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'data'
  /**
   * `url` is an address that is fetched or shown, `arguments` stands in a tool call's arguments, `identifier` is a name or a
   * number that cannot be rewritten without changing what the payload does, `text` is anything else.
   */
  readonly kind: 'text' | 'arguments' | 'url' | 'identifier'
  /** In a stream: the running text that this continues. Texts of one channel, in order, are one text. */
  readonly channel: string
  /** Set where it is whole in itself: nothing continues it. */
  readonly whole?: true
}

/** What lies or runs at a vendor, out of reach of every control. */
export interface Outside {
  /** Something in the vendor's store, or a tool that runs there. */
  readonly kind: 'reference' | 'hosted'
  /** What it is: `answer`, `conversation`, `file`, `cache`, `container`, `vector_store`, `item`, `skill`; of a tool its type. */
  readonly type: string
  /** Its id at the vendor; of a tool its type again, or `mcp:` and the address of the server. */
  readonly id: string
}

/** What else a request says, for limits, policy and the log. */
export interface Facts {
  readonly model?: string
  /** Names of the tools that the model is offered. */
  readonly tools: readonly string[]
  /** Whether a streamed answer is asked for. */
  readonly stream: boolean
  /** The most output tokens that one answer may have, where the request says so. */
  readonly maxOutputTokens?: number
  /** How many answers are asked for; 1 unless the request says otherwise. */
  readonly choices: number
  /** Pointers to content that is no text (pictures, sound, files), which no text control can read. */
  readonly opaque: readonly string[]
  /** What lies or runs at the vendor, of codecs that let it pass: `authorize` refuses it unless it is granted. */
  readonly external?: readonly Outside[]
}

/** What a vendor reports as spent. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** The part of the input that the vendor had in its cache, where it says so. */
  readonly cachedInputTokens?: number
  /** The part of the output that only the model reads, where the vendor says so. */
  readonly reasoningTokens?: number
}

/** Reads and rebuilds answers of one shape: whole ones, and the parts of streamed ones. */
export interface AnswerCodec {
  /**
   * The engine's own frozen copy of a whole answer or of one part of a stream.
   * Throws `payload_unsupported` for a shape it does not know.
   */
  snapshot(part: unknown, streamed: boolean): unknown
  /** All texts of a part, in a fixed order. Throws `payload_invalid` where a text cannot be read (broken tool arguments). */
  texts(part: unknown): readonly Text[]
  /** The part with its texts replaced, in the order of `texts`; everything else as it was. */
  replace(part: unknown, values: readonly string[]): unknown
  /**
   * The channels of running texts that end with this part, so that what was held back for them must leave with it or before
   * it. Of a whole answer every channel ends with it, whatever this says.
   */
  ends(part: unknown): readonly string[]
  /** A new part shaped like `like` that carries nothing but this text in this channel. */
  carry(like: unknown, channel: string, text: string): unknown
  /** Joins what must be seen whole (a tool call's argument deltas) into one part each; bounded. The rest passes as it comes. */
  assemble(parts: AsyncIterable<unknown>): AsyncIterable<unknown>
  /**
   * Sets right what must agree from part to part, such as numbers of events, where parts were joined or carried. Absent where nothing does.
   */
  inOrder?(parts: AsyncIterable<unknown>): AsyncIterable<unknown>
  /** What the part reports as spent; in a stream, up to there. Undefined where it reports nothing. */
  usage(part: unknown): Usage | undefined
  /** What the part says was put into the vendor's store by this call, of codecs that let such things pass. */
  created?(part: unknown): readonly Outside[]
}

/** How a codec's payloads look as bytes. */
export interface WireCodec {
  /** Media types of a request and of a whole answer. The first is the one that is written. */
  readonly mediaTypes: readonly string[]
  /** A body as a value. Strict: no duplicate keys, no `__proto__`, bounded depth. Throws `payload_invalid`. */
  parse(body: Uint8Array): unknown
  /** A value as a body. */
  serialize(value: unknown): string
  /** The part that one server-sent event's data holds; `undefined` for an end marker. */
  parseEvent(data: string): unknown
  /** A part as the data of one server-sent event. */
  serializeEvent(part: unknown): string
  /** The type that the event of a part names (its `event` field), in protocols whose clients tell events apart by it. */
  eventType?(part: unknown): string | undefined
  /** Data of a last event that the protocol wants, such as `[DONE]`. */
  readonly endMarker?: string
  /** Data of an event that tells a reader of this protocol that the stream failed. `message` is public. */
  errorEvent(code: string, message: string): string
  /** The type that this event names, as with `eventType`. */
  readonly errorEventType?: string
}

/** Knows where text, tools, usage and the model's name stand in one shape of payload. */
export interface Codec<I = unknown> {
  readonly name: string
  /**
   * The engine's own, deeply frozen copy of an input: what is checked is what runs. Calls no getter twice and no method.
   * Throws `payload_invalid` for what is malformed and `payload_unsupported` for what it does not know.
   */
  snapshot(input: unknown): I
  /** What the input says beside its texts. */
  facts(input: I): Facts
  /** All texts of the input, in a fixed order. */
  texts(input: I): readonly Text[]
  /** A frozen input with its texts replaced, in the order of `texts`; everything else as it was. */
  replace(input: I, values: readonly string[]): I
  /** A frozen input that asks for at most this many output tokens an answer. Absent where the shape has no such field. */
  cap?(input: I, maxOutputTokens: number): I
  readonly answer: AnswerCodec
  readonly wire?: WireCodec
}
