import type { Outside, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'

/**
 * The shape of a JSON value, as a function that checks a value and visits every text in it. It gives the value, or its
 * replacement where a text was replaced. One function does all three, so that replacing can never miss what reading
 * shows, nor reading what checking let pass.
 */
export type Shape = (value: unknown, walk: Walk) => unknown

/** What a walk found. */
export interface Found {
  readonly texts: Text[]
  /** Pointers to content that is no text. */
  readonly opaque: string[]
}

/** One walk through a frozen JSON value: to check it, to find its texts, or to replace them. */
export class Walk {
  /** Who wrote what is being visited. */
  role: Text['role'] = 'data'
  /** Where running texts stand, such as the choice of an answer: what their channels begin with. */
  scope = ''
  /** What lies or runs at the vendor, where somebody will see to it. Unless it is a list, all of that is refused. */
  outside: Outside[] | undefined
  readonly #path: (string | number)[] = []
  // The JSON pointer (RFC 6901) to what is being visited, kept as it grows: made anew for each text it would cost the depth.
  // Where nobody looks for texts only its length is kept.
  #pointer = ''
  #length = 0
  readonly #found: Found | undefined
  readonly #values: readonly string[] | undefined
  #next = 0

  private constructor(found: Found | undefined, values: readonly string[] | undefined) {
    this.#found = found
    this.#values = values
  }

  /** The value, checked. */
  static check(shape: Shape, value: unknown): unknown {
    return shape(value, new Walk(undefined, undefined))
  }

  /** What a value of this shape holds. */
  static find(shape: Shape, value: unknown): Found {
    const found: Found = { texts: [], opaque: [] }
    shape(value, new Walk(found, undefined))
    return found
  }

  /** A frozen value with other texts, in the order in which they are found; what does not change is shared. */
  static replace(shape: Shape, value: unknown, values: readonly string[]): unknown {
    const walk = new Walk(undefined, values)
    const replaced = shape(value, walk)
    if (walk.#next !== values.length) throw new TypeError(`replace: ${walk.#next} texts, but ${values.length} values`)
    return replaced
  }

  /** Whether texts are looked at, or only the shape is checked. */
  get reads(): boolean {
    return this.#found !== undefined || this.#values !== undefined
  }

  /** Visits a text that is whole in itself. Where several stand at one place, `mark` tells them apart. */
  text(value: string, kind: Text['kind'], mark: string = ''): string {
    this.#found?.texts.push({ value, path: this.#pointer, role: this.role, kind, channel: this.#pointer + mark, whole: true })
    return this.#replacement(value)
  }

  /** Visits a text that later parts of a stream continue. Its channel is this name in the scope that is visited. */
  running(value: string, name: string): string {
    if (this.#found !== undefined)
      this.#found.texts.push({ value, path: this.#pointer, role: this.role, kind: 'text', channel: `${this.scope}/${name}` })
    return this.#replacement(value)
  }

  /** Visits a name or a number that cannot be rewritten. Short ones cannot hold anything, and are passed over. */
  fixed(value: string): void {
    if (value.length < leastIdentifier || uuid.test(value)) return
    if (this.text(value, 'identifier') !== value) throw this.invalid('an identifier that was replaced')
  }

  /** Visits the plain name of a member that nobody knows. */
  name(name: string): void {
    if (couldBeKey(name)) this.fixed(name)
  }

  /** Notes content that is no text. */
  opaque(): void {
    this.#found?.opaque.push(this.#pointer)
  }

  /** Visits what stands at `key`. */
  into(key: string | number, value: unknown, shape: Shape): unknown {
    const above = this.#pointer
    const length = this.#length
    const name = typeof key === 'string' ? escaped(key) : String(key)
    this.#length = length + 1 + name.length
    if (this.#length > longestPointer) throw new GuardError('payload_too_large', { reason: 'names that are too long altogether' })
    if (this.#found !== undefined) this.#pointer = `${above}/${name}`
    this.#path.push(key)
    const result = shape(value, this)
    this.#path.pop()
    this.#pointer = above
    this.#length = length
    return result
  }

  /** Something whose meaning is not known, or that no control could cover. */
  unsupported(what: string): GuardError {
    return new GuardError('payload_unsupported', { reason: `${what} at ${this.#place()}` })
  }

  /** Something that is not as the shape wants it. */
  invalid(what: string): GuardError {
    return new GuardError('payload_invalid', { reason: `${what} at ${this.#place()}` })
  }

  #replacement(value: string): string {
    if (this.#values === undefined) return value
    const next = this.#values[this.#next++]
    if (typeof next !== 'string') throw new TypeError('replace: there must be one string for each text')
    if (next !== value && !next.isWellFormed()) throw this.invalid('a lone surrogate in a replaced text')
    return next
  }

  // For reasons, which tell nothing of a payload: names that only a sender could have chosen are left out.
  #place(): string {
    if (this.#path.length === 0) return 'the top'
    return this.#path.map((key) => `/${typeof key === 'number' || spoken.has(key) ? key : '*'}`).join('')
  }
}

/** What stands below long names is many times as long as they are. */
const longestPointer = 4_096

/** No finding of this package's own detectors is shorter: an address of four digits and three dots. */
const leastIdentifier = 7

// Of what is random in so many of them something always looks like something.
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

// In words, or in words as programs write them; a key is neither.
const wordy = /^(?:[a-z_-]+|[a-z]+(?:[A-Z][a-z]+)*)$/

/** Whether a plain name is long enough, and odd enough, to be a key. */
export function couldBeKey(name: string): boolean {
  return name.length >= 16 && !wordy.test(name)
}

// Names that stand in a shape, and so in nobody's payload alone.
const spoken = new Set<string>()

/** Lets reasons say these names. */
export function speak(names: Iterable<string>): void {
  for (const name of names) spoken.add(name)
}

function escaped(key: string): string {
  return key.includes('/') || key.includes('~') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}

/**
 * Whether a member's name can be nothing but a name: at most 40 letters, hyphens and underscores, with up to three
 * digits at the end. Any other name in a part of a payload that its sender shapes is a text like any other.
 */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z_$][A-Za-z_-]{0,39}[0-9]{0,3}$/.test(name)
}
