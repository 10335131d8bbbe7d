import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import type { Call, Decision, Known } from '../guard/context.ts'
import { builtIn, type Control, SealedPart, type Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'

/** Options of `shapeAnswers`. */
export interface ShapeAnswersOptions {
  /** How many decimals of an embedding's numbers are told, from 1 to 7; 3 unless given. */
  readonly decimals?: number
}

type Decided = Call & Pick<Known, 'identity' | 'decision'>

/** What policy can grant. */
type Revealed = 'logprobs' | 'logit_bias' | 'embeddings'

const words: readonly string[] = ['logprobs', 'logit_bias', 'embeddings'] satisfies readonly Revealed[]
const checks: Readonly<Record<keyof ShapeAnswersOptions, Check>> = {
  decimals: [optional((value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 7), 'a whole number from 1 to 7'],
}

/**
 * Withholds what a model is copied by: answers lose the probabilities of their tokens (`logprobs`, `top_logprobs`, Gemini's
 * `logprobsResult` and `avgLogprobs`), requests lose the members that ask for them and `logit_bias`, and the numbers of
 * embeddings are rounded. Needs `identity` and `decision`.
 *
 * Policy grants what a caller may have all the same, by the obligation `reveal`, which this control carries out:
 * `{ type: 'reveal', value: ['logprobs', 'logit_bias', 'embeddings'] }`, or some of them. A codec may refuse more than this.
 *
 * ```ts
 * guard().use(…).use(authorize({ evaluator })).use(shapeAnswers({ decimals: 3 }))
 * ```
 *
 * Refuses with `payload_unsupported` an embedding that it cannot read. How many prompts, answers and probabilities a caller may
 * have is for `rateLimit` to say (`prompts`, `choices`, `logprobs`).
 *
 * @throws TypeError for wrong options.
 */
export function shapeAnswers(options: ShapeAnswersOptions = {}): Control<Decided, object> {
  checkOptions('shapeAnswers', options, checks)
  const { decimals = 3 } = options
  const scale = 10 ** decimals
  const shapers = new WeakMap<Step, Shaper>()
  return builtIn<Decided, object>(
    'shapeAnswers',
    {
      request(input, context, _call, step) {
        const granted = grantsOf(context.decision)
        if (granted !== undefined) step.fulfill('reveal')
        const shaper = new Shaper(granted ?? new Set(), scale)
        shapers.set(step, shaper)
        const shaped = shaper.request(input)
        return shaped === input ? undefined : shaped
      },
      response: (parts, _context, _call, step) => shapedParts(parts, shapers.get(step), step),
      // A table of the living is small; one of the dead is work for the garbage collector.
      leave: (_outcome, _context, _call, step) => void shapers.delete(step),
    },
    { needs: ['identity', 'decision'], fulfills: ['reveal'], describe: { decimals } },
    { rewrites: true },
  )
}

// Undefined where a duty cannot be understood: then it stays open.
function grantsOf({ obligations }: Decision): ReadonlySet<string> | undefined {
  const granted = new Set<string>()
  for (const { type, value } of obligations) {
    if (type !== 'reveal') continue
    const named: readonly unknown[] = Array.isArray(value) ? value : [value]
    for (const name of named) {
      if (typeof name !== 'string' || !words.includes(name)) return undefined
      granted.add(name)
    }
  }
  return granted
}

async function* shapedParts(parts: AsyncIterable<unknown>, shaper: Shaper | undefined, step: Step): AsyncGenerator<unknown> {
  if (shaper === undefined) throw new GuardError('misconfigured', { reason: 'shapeAnswers: an answer without a request' })
  for await (const part of parts) {
    if (typeof part !== 'object' || part === null || part instanceof SealedPart || part instanceof Uint8Array) yield part
    // What a function gives without a codec is not the engine's copy.
    else yield shaper.answer(step.codec === undefined ? snapshotJson(part) : part)
  }
}

/** Rebuilds what is to be changed; what is not stays the same object. */
class Shaper {
  readonly #reveals: ReadonlySet<string>
  readonly #scale: number

  constructor(reveals: ReadonlySet<string>, scale: number) {
    this.#reveals = reveals
    this.#scale = scale
  }

  request(input: unknown): unknown {
    if (!isRecord(input)) return input
    const withheld = this.#asked()
    const { generationConfig } = input
    const config = isRecord(generationConfig) ? without(generationConfig, withheld) : generationConfig
    const shaped = without(input, withheld)
    return config === generationConfig ? shaped : Object.freeze({ ...shaped, generationConfig: config })
  }

  #asked(): readonly string[] {
    return [
      ...(this.#reveals.has('logprobs') ? [] : ['logprobs', 'top_logprobs', 'responseLogprobs']),
      ...(this.#reveals.has('logit_bias') ? [] : ['logit_bias']),
    ]
  }

  answer(value: unknown): unknown {
    if (Array.isArray(value)) return changed(value, (member) => this.answer(member))
    if (!isRecord(value)) return value
    return changedMembers(value, (name, member) => {
      if (probabilities.includes(name)) return this.#reveals.has('logprobs') ? member : nothingOf(member)
      if (name === 'embedding' || name === 'embeddings') return this.#reveals.has('embeddings') ? member : this.#round(member)
      return this.answer(member)
    })
  }

  #round(value: unknown): unknown {
    if (typeof value === 'number') return Math.round(value * this.#scale) / this.#scale
    if (typeof value === 'string') return this.#roundBase64(value)
    if (Array.isArray(value)) return changed(value, (member) => this.#round(member))
    return isRecord(value) ? changedMembers(value, (_name, member) => this.#round(member)) : value
  }

  // Numbers of 32 bits, the lowest byte first, as OpenAI's interface writes them.
  #roundBase64(text: string): string {
    // A member that says what an embedding is, such as `object`, and no embedding.
    if (/^[a-z_]{1,32}$/.test(text)) return text
    const bytes = bytesOf(text)
    if (bytes === undefined || bytes.length % 4 !== 0) throw new GuardError('payload_unsupported', { reason: 'an embedding that cannot be read' })
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.length; at += 4) view.setFloat32(at, Math.round(view.getFloat32(at, true) * this.#scale) / this.#scale, true)
    let binary = ''
    for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192))
    return btoa(binary)
  }
}

const probabilities: readonly string[] = ['logprobs', 'top_logprobs', 'token_logprobs', 'logprobsResult', 'avgLogprobs']

// What clients expect where there are none.
function nothingOf(value: unknown): unknown {
  return Array.isArray(value) ? (value.length === 0 ? value : Object.freeze([])) : null
}

function without(value: Readonly<Record<string, unknown>>, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (!names.some((name) => Object.hasOwn(value, name))) return value
  return Object.freeze(Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name))))
}

function changed(list: readonly unknown[], change: (member: unknown) => unknown): readonly unknown[] {
  let own: unknown[] | undefined
  for (let index = 0; index < list.length; index++) {
    const after = change(list[index])
    if (after !== list[index]) (own ??= [...list])[index] = after
  }
  return own === undefined ? list : Object.freeze(own)
}

function changedMembers(
  value: Readonly<Record<string, unknown>>,
  change: (name: string, member: unknown) => unknown,
): Readonly<Record<string, unknown>> {
  let own: Record<string, unknown> | undefined
  for (const name of Object.keys(value)) {
    const after = change(name, value[name])
    if (after !== value[name]) (own ??= { ...value })[name] = after
  }
  return own === undefined ? value : Object.freeze(own)
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
