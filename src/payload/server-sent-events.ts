import { GuardError } from '../guard/errors.ts'

/** One server-sent event (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  readonly data: string
  /** Its type, where it names one; without it, it is a `message`. */
  readonly event?: string
  /** Its id, where it brings one. */
  readonly id?: string
  /** How long to wait before reconnecting, in milliseconds, where it says so. */
  readonly retry?: number
}

/** Options of `eventParser`. */
export interface EventBounds {
  /** The most characters that one event, and one line, may have; 4 Mi unless given. */
  readonly maxLength?: number
  /** The most bytes that a whole stream may have; 1 Gi unless given. */
  readonly maxTotal?: number
  /**
   * What becomes of a last event whose blank line did not come: the standard drops it (`drop`, the default), since a stream
   * that was cut looks the same. Some senders leave the blank line out; with `give` it is given by `end`.
   */
  readonly unfinished?: 'drop' | 'give'
}

/** Reads server-sent events from bytes that were cut anywhere. Whoever pulls the bytes pushes them here. */
export interface EventParser {
  /** The events that these bytes complete. @throws GuardError; after that nothing more can be read. */
  push(bytes: Uint8Array): ServerSentEvent[]
  /** Says that there are no more bytes. Gives the event whose blank line did not come, where that was asked for. @throws GuardError */
  end(): ServerSentEvent[]
}

const maxLength = 4 * 1024 * 1024
const maxTotal = 1024 * 1024 * 1024
const lineFeed = 0x0a

/**
 * A parser for a stream of server-sent events (WHATWG HTML, section 9.2.6): line ends of all three kinds, comments, a
 * byte order mark, data of several lines. It holds one event at most, and takes time in proportion to the bytes.
 *
 * Stricter than the standard in one point: bytes that are not UTF-8 are refused, not replaced.
 *
 * @throws GuardError from `push` and `end`: `payload_invalid` for bytes that are not UTF-8, `payload_too_large` for an event or a stream beyond
 * its bound.
 */
export function eventParser(bounds: EventBounds = {}): EventParser {
  return new Parser(bounds)
}

class Parser implements EventParser {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })
  readonly #maxLength: number
  readonly #givesUnfinished: boolean
  // Bytes that may still come.
  #left: number
  // The beginning of a line whose end has not come, in pieces: each is searched once.
  #line: string[] = []
  #lineLength = 0
  #skipsLineFeed = false
  #data: string[] = []
  #dataLength = 0
  #event = ''
  #id: string | undefined
  #retry: number | undefined

  constructor(bounds: EventBounds) {
    this.#maxLength = bounds.maxLength ?? maxLength
    this.#left = bounds.maxTotal ?? maxTotal
    this.#givesUnfinished = bounds.unfinished === 'give'
  }

  push(bytes: Uint8Array): ServerSentEvent[] {
    this.#left -= bytes.length
    if (this.#left < 0) throw new GuardError('payload_too_large', { reason: 'a stream of server-sent events is too long' })
    const text = this.#decode(bytes)
    const events: ServerSentEvent[] = []
    let start = 0
    if (this.#skipsLineFeed && text !== '') {
      this.#skipsLineFeed = false
      if (text.charCodeAt(0) === lineFeed) start = 1
    }
    // Searched once for each kind of line end, not once for each line.
    let feed = text.indexOf('\n', start)
    let carriage = text.indexOf('\r', start)
    while (feed !== -1 || carriage !== -1) {
      const end = carriage === -1 || (feed !== -1 && feed < carriage) ? feed : carriage
      this.#endLine(text.slice(start, end), events)
      start = end + 1
      if (end === carriage) {
        if (start === text.length) this.#skipsLineFeed = true
        else if (text.charCodeAt(start) === lineFeed) start++
        carriage = text.indexOf('\r', start)
      }
      if (feed !== -1 && feed < start) feed = text.indexOf('\n', start)
    }
    if (start < text.length) this.#hold(start === 0 ? text : text.slice(start))
    return events
  }

  end(): ServerSentEvent[] {
    this.#decode(undefined)
    const events: ServerSentEvent[] = []
    if (this.#givesUnfinished) {
      if (this.#line.length > 0) this.#endLine('', events)
      this.#dispatch(events)
    }
    this.#line = []
    this.#clear()
    return events
  }

  #decode(bytes: Uint8Array | undefined): string {
    try {
      return bytes === undefined ? this.#utf8.decode() : this.#utf8.decode(bytes, { stream: true })
    } catch {
      throw new GuardError('payload_invalid', { reason: 'the bytes of an event stream are not UTF-8' })
    }
  }

  #hold(piece: string): void {
    this.#lineLength += piece.length
    this.#bound(this.#lineLength)
    this.#line.push(piece)
  }

  #bound(length: number): void {
    if (length > this.#maxLength) throw new GuardError('payload_too_large', { reason: 'a server-sent event is too long' })
  }

  #endLine(rest: string, events: ServerSentEvent[]): void {
    let line = rest
    if (this.#line.length > 0) {
      this.#line.push(rest)
      line = this.#line.join('')
      this.#line = []
      this.#lineLength = 0
    }
    this.#bound(line.length)
    if (line === '') this.#dispatch(events)
    else if (line.charCodeAt(0) !== 0x3a) this.#field(line)
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1)
    if (name === 'data') {
      this.#data.push(value)
      this.#dataLength += value.length + 1
      this.#bound(this.#dataLength)
    } else if (name === 'event') this.#event = value
    else if (name === 'id' && !value.includes('\0')) this.#id = value
    else if (name === 'retry' && /^[0-9]{1,15}$/.test(value)) this.#retry = Number(value)
  }

  #dispatch(events: ServerSentEvent[]): void {
    if (this.#data.length > 0)
      events.push({
        data: this.#data.length === 1 ? (this.#data[0] ?? '') : this.#data.join('\n'),
        ...(this.#event !== '' && { event: this.#event }),
        ...(this.#id !== undefined && { id: this.#id }),
        ...(this.#retry !== undefined && { retry: this.#retry }),
      })
    this.#clear()
  }

  #clear(): void {
    this.#data = []
    this.#dataLength = 0
    this.#event = ''
    this.#id = undefined
    this.#retry = undefined
  }
}

/**
 * An event as text, with the blank line that ends it. Line ends inside data become line feeds, the only ones that events can hold.
 *
 * @throws GuardError `payload_invalid` for an event type or an id with a line end or a NUL in it: they would forge fields.
 */
export function serializeEvent(event: ServerSentEvent): string {
  const { data, event: type, id, retry } = event
  let text = ''
  if (type !== undefined) text += `event: ${oneLine(type)}\n`
  if (id !== undefined) text += `id: ${oneLine(id)}\n`
  if (retry !== undefined) text += `retry: ${retry}\n`
  const lines = data.includes('\n') || data.includes('\r') ? data.split(/\r\n|\r|\n/) : [data]
  for (const line of lines) text += `data: ${line}\n`
  return `${text}\n`
}

function oneLine(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new GuardError('payload_invalid', { reason: 'a line end or a NUL in a field of a server-sent event' })
  return value
}
