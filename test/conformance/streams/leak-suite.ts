import { chop } from '../../../src/testing/index.ts'
import { piecesOf } from '../secrets.ts'
import { bytesOf, partsIn, partsOf, type Pieces, type Protocol } from './protocol.ts'

/**
 * What the suite is run against: something that stands between a model and a reader. Either way may be left out: then what goes that
 * way is not tried.
 */
export interface StreamDriver {
  readonly name: string
  /** What a reader of the protocol gets of these parts, in their order. `pulled` is called before each part is given on. */
  readonly parts?: (protocol: Protocol, parts: readonly unknown[], pulled?: (count: number) => void) => AsyncIterable<unknown>
  /** The body that a reader gets, of one that comes in these pieces. */
  readonly bytes?: (protocol: Protocol, pieces: readonly Uint8Array[]) => Promise<string>
}

/** What was found. */
export interface Report {
  readonly driver: string
  /** How many streams were read. */
  readonly streams: number
  /** Bytes of secrets that a reader got, altogether. */
  readonly leakedBytes: number
  /** What leaked, and how the stream was cut; at most ten. */
  readonly leaks: readonly string[]
  /** Where a cut stream said something else than the same texts in one piece each; at most ten. */
  readonly differences: readonly string[]
  /** The most characters of a harmless text that were said and not given on. */
  readonly heldBack: number
}

/** Fewer characters in a row are found in any text. */
const least = 6

/** The longest piece of a secret in what a reader got, in bytes; 0 where there is none to speak of. */
export function leakedBytes(secret: string, got: string): number {
  let longest = 0
  for (let start = 0; start + least <= secret.length; start++) {
    let length = Math.max(least, longest + 1)
    while (start + length <= secret.length && got.includes(secret.slice(start, start + length))) longest = length++
  }
  return longest
}

/** Runs the suite: every protocol, every text and call of it, every secret, cut unkindly. */
export async function runLeakSuite(driver: StreamDriver, protocols: readonly Protocol[], secrets: readonly string[]): Promise<Report> {
  const suite = new Suite(driver, secrets)
  for (const protocol of protocols) {
    if (driver.parts !== undefined) await suite.inParts(protocol)
    if (driver.bytes !== undefined && protocol.url !== undefined) await suite.inBytes(protocol)
    if (driver.parts !== undefined) await suite.holdBack(protocol)
  }
  return suite.report()
}

class Suite {
  readonly #driver: StreamDriver
  readonly #secrets: readonly string[]
  readonly #leaks: string[] = []
  readonly #differences: string[] = []
  #streams = 0
  #leaked = 0
  #held = 0

  constructor(driver: StreamDriver, secrets: readonly string[]) {
    this.#driver = driver
    this.#secrets = secrets
  }

  report(): Report {
    return {
      driver: this.#driver.name,
      streams: this.#streams,
      leakedBytes: this.#leaked,
      leaks: this.#leaks,
      differences: this.#differences,
      heldBack: this.#held,
    }
  }

  async inParts(protocol: Protocol): Promise<void> {
    for (const text of [...protocol.texts, ...protocol.calls])
      for (const secret of this.#secrets) {
        const said = wordsWith(protocol, text, secret)
        const expected = await this.#parts(protocol, { [text]: [said] }, false, secret, 'in one piece')
        for (let at = 1; at < said.length; at++)
          await this.#compare(protocol, { [text]: [said.slice(0, at), said.slice(at)] }, secret, `cut at ${at}`, expected)
        for (const size of [1, 2, 3, 5, 7, 11]) await this.#compare(protocol, { [text]: piecesOf(said, size) }, secret, `pieces of ${size}`, expected)
      }
    await this.#interleaved(protocol)
  }

  // All texts at the same time, with a secret in each.
  async #interleaved(protocol: Protocol): Promise<void> {
    for (let seed = 0; seed < 12; seed++) {
      const texts: Record<string, readonly string[]> = {}
      const secrets: string[] = []
      for (const [index, text] of [...protocol.texts, ...protocol.calls].entries()) {
        const secret = this.#secrets[(seed + index) % this.#secrets.length] ?? ''
        secrets.push(secret)
        texts[text] = chop(wordsWith(protocol, text, secret), seed).filter((piece) => piece.isWellFormed())
      }
      const wholes = Object.fromEntries(Object.entries(texts).map(([text, pieces]) => [text, [pieces.join('')]]))
      const expected = await this.#parts(protocol, wholes, false, secrets, 'in one piece each')
      await this.#compare(protocol, texts, secrets, `interleaved, seed ${seed}`, expected, true)
    }
  }

  async inBytes(protocol: Protocol): Promise<void> {
    const [secret = ''] = this.#secrets
    const texts: Record<string, readonly string[]> = {}
    for (const text of protocol.texts.slice(-1)) texts[text] = piecesOf(wordsWith(protocol, text, secret), 12)
    const bytes = bytesOf(protocol, partsOf(protocol, texts))
    const expected = await this.#bytes(protocol, [bytes], secret, 'all at once')
    const cuts: (readonly [string, readonly Uint8Array[]])[] = [['one byte at a time', [...bytes].map((byte) => Uint8Array.of(byte))]]
    for (let at = 1; at < bytes.length; at++) cuts.push([`cut at byte ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]])
    for (let seed = 0; seed < 4; seed++) cuts.push([`chopped, seed ${seed}`, chop(bytes, seed)])
    for (const [how, pieces] of cuts) this.#same(protocol, how, await this.#bytes(protocol, pieces, secret, how), expected)
  }

  async holdBack(protocol: Protocol): Promise<void> {
    const words = 'the quick brown fox jumps over the lazy dog, and then some. '.repeat(40)
    for (const text of protocol.texts) {
      const pieces = piecesOf(words, 17)
      const parts = partsOf(protocol, { [text]: pieces })
      // Characters said by each part, and got so far.
      let said = 0
      let got = 0
      const pulled = (count: number): void => {
        said = (protocol.heard(parts.slice(0, count))[text] ?? '').length
      }
      this.#streams++
      for await (const part of this.#driver.parts?.(protocol, parts, pulled) ?? []) {
        got += (protocol.heard([part])[text] ?? '').length
        this.#held = Math.max(this.#held, said - got)
      }
      if (got !== words.length) this.#note(this.#differences, `${protocol.name}: ${got} characters of ${words.length} in '${text}'`)
    }
  }

  async #compare(
    protocol: Protocol,
    texts: Pieces,
    secrets: string | readonly string[],
    how: string,
    expected: string,
    interleaved = false,
  ): Promise<void> {
    this.#same(protocol, how, await this.#parts(protocol, texts, interleaved, secrets, how), expected)
  }

  #same(protocol: Protocol, how: string, got: string, expected: string): void {
    if (got !== expected) this.#note(this.#differences, `${protocol.name}, ${how}: ${got} and not ${expected}`)
  }

  async #parts(protocol: Protocol, texts: Pieces, interleaved: boolean, secrets: string | readonly string[], how: string): Promise<string> {
    const parts: unknown[] = []
    for await (const part of this.#driver.parts?.(protocol, partsOf(protocol, texts, interleaved)) ?? []) parts.push(part)
    return this.#judge(protocol, parts, JSON.stringify(parts), secrets, how)
  }

  async #bytes(protocol: Protocol, pieces: readonly Uint8Array[], secret: string, how: string): Promise<string> {
    const body = (await this.#driver.bytes?.(protocol, pieces)) ?? ''
    return this.#judge(protocol, partsIn(protocol, body), body, secret, how)
  }

  // What is said in one part stands in the raw text, what is said over several in what a reader makes of them.
  #judge(protocol: Protocol, parts: readonly unknown[], raw: string, secrets: string | readonly string[], how: string): string {
    this.#streams++
    const heard = protocol.heard(parts)
    for (const secret of typeof secrets === 'string' ? [secrets] : secrets)
      for (const got of [raw, ...Object.values(heard)]) {
        const leaked = leakedBytes(secret, got)
        this.#leaked += leaked
        if (leaked > 0) this.#note(this.#leaks, `${protocol.name}, ${how}: ${leaked} bytes`)
      }
    return JSON.stringify(Object.entries(heard).sort())
  }

  #note(list: string[], what: string): void {
    if (list.length < 10) list.push(what)
  }
}

function wordsWith(protocol: Protocol, text: string, secret: string): string {
  return protocol.calls.includes(text) ? JSON.stringify({ to: secret, n: 1 }) : `to ${secret}, é€.`
}
