import { checkNames } from '../guard/check-options.ts'
import type { AnswerCodec, Codec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import { jsonCodec, jsonWire } from './json-codec.ts'
import { anyJson, isRecord, members, running } from './shape.ts'
import { isStandardSchema, type StandardSchema } from './standard-schema.ts'
import { type Shape, Walk } from './walk.ts'

/** Options of `json`. */
export interface JsonOptions {
  /** What a whole answer must be; any JSON unless given. */
  readonly answer?: StandardSchema
  /** What a part of a streamed answer must be; any JSON unless given. */
  readonly part?: StandardSchema
  /**
   * In a streamed answer: pointers (RFC 6901) to the texts that go on from part to part, such as `/delta`; through objects, not
   * through lists. An empty list says that there are none. Streams are refused unless it is given.
   */
  readonly running?: readonly string[]
}

/**
 * A payload of one's own: JSON that a schema describes. Any schema will do that follows Standard Schema (zod, valibot, arktype)
 * and answers at once. What the schema gives, which may be less than it got, is what is checked and what runs.
 *
 * - Every string is a text, and every odd name of a member; numbers of twelve digits or more are shown, and cannot be rewritten.
 * - The schema is asked about what arrives. What controls rewrite it is not asked about again: a text remains a text.
 * - In a streamed answer each text is one of its own, but for those that `running` names. What is still held back at the end of
 *   a stream leaves in a part like the last one, in which the other running texts are empty.
 *
 * ```ts
 * const codec = json(z.object({ question: z.string() }), { running: ['/delta'] })
 * ```
 *
 * @throws TypeError for what is no schema, and wrong options.
 */
export function json<Output>(schema: StandardSchema<Output>, options: JsonOptions = {}): Codec<Output> {
  checkNames('json', options, ['answer', 'part', 'running'])
  const { answer, part, running: pointers } = options
  for (const [name, value] of Object.entries({ schema, 'options.answer': answer, 'options.part': part }))
    if ((name === 'schema' || value !== undefined) && !isStandardSchema(value))
      throw new TypeError(`json: ${name} must be a Standard Schema, such as one of zod`)
  return jsonCodec<Output>({
    name: 'json',
    request: anyJson,
    listed: true,
    copy: (input) => checked(schema, input),
    facts: () => ({ tools: [], stream: false, choices: 1, opaque: [] }),
    answer: jsonAnswers(answer, part, pointers === undefined ? undefined : runningShape(pointers)),
    wire: jsonWire({ errorEvent: (code, message) => JSON.stringify({ error: { code, message } }) }),
  })
}

// Of the engine's own copy, and then of what the schema gave: whatever it is, it is copied as well.
function checked(schema: StandardSchema, input: unknown): unknown {
  const copy = snapshotJson(input)
  let result: unknown
  try {
    result = schema['~standard'].validate(copy)
  } catch (error) {
    throw new GuardError('payload_invalid', { reason: 'the schema threw', cause: error })
  }
  if (isThenable(result)) {
    abandon(result)
    throw new GuardError('misconfigured', { reason: 'the schema of a payload answers later' })
  }
  if (typeof result !== 'object' || result === null) throw new GuardError('misconfigured', { reason: 'the schema of a payload answers nonsense' })
  // Its own words quote what it refuses.
  if ('issues' in result && result.issues !== undefined) throw new GuardError('payload_invalid', { reason: 'the schema refuses the payload' })
  return snapshotJson('value' in result ? result.value : undefined)
}

function jsonAnswers(whole: StandardSchema | undefined, part: StandardSchema | undefined, shape: Shape | undefined): AnswerCodec {
  return Object.freeze({
    snapshot(value: unknown, streamed: boolean): unknown {
      if (streamed && shape === undefined)
        throw new GuardError('payload_unsupported', { reason: 'a stream of JSON, of which options.running says nothing' })
      const schema = streamed ? part : whole
      return Walk.check(streamed ? (shape ?? anyJson) : anyJson, schema === undefined ? snapshotJson(value) : checked(schema, value))
    },
    // Of a whole answer every text is whole, whatever the shape says.
    texts: (value: unknown): readonly Text[] => Walk.find(shape ?? anyJson, value).texts,
    replace: (value: unknown, values: readonly string[]): unknown => Walk.replace(shape ?? anyJson, value, values),
    ends: () => [],
    carry(like: unknown, channel: string, carried: string): unknown {
      const found = shape === undefined ? [] : Walk.find(shape, like).texts
      if (shape === undefined || !found.some((text) => text.channel === channel && text.whole !== true))
        throw new TypeError('carry: only a running text can be carried; every other one ends in its own part')
      const values = found.map((text) => (text.channel === channel ? carried : text.whole === true ? text.value : ''))
      return Walk.replace(shape, like, values)
    },
    assemble: (parts: AsyncIterable<unknown>) => parts,
    usage: () => undefined,
  })
}

type Tree = Map<string, Tree | undefined>

/** The shape of parts in which these texts go on. @throws TypeError */
function runningShape(pointers: readonly string[]): Shape {
  if (!Array.isArray(pointers)) throw new TypeError('json: options.running must be a list of pointers')
  const tree: Tree = new Map()
  for (const pointer of pointers) {
    const names = typeof pointer === 'string' && /^(?:\/[A-Za-z_$][\w$-]{0,63}){1,16}$/.test(pointer) ? pointer.slice(1).split('/') : []
    if (names.length === 0) throw new TypeError("json: options.running must be pointers through objects, such as '/delta'")
    let below = tree
    for (const [depth, name] of names.entries()) {
      const known = below.get(name)
      const isLast = depth === names.length - 1
      if (below.has(name) && (isLast || known === undefined)) throw new TypeError('json: options.running names a text twice, or one within another')
      const next: Tree = known ?? new Map()
      below.set(name, isLast ? undefined : next)
      below = next
    }
  }
  return shapeOf(tree, '')
}

function shapeOf(tree: Tree, above: string): Shape {
  const named = [...tree].map(([name, below]): [string, Shape] => {
    const path = `${above}/${name}`
    // The channel is the pointer.
    const text = running(path.slice(1))
    const inner = below === undefined ? undefined : shapeOf(below, path)
    return [
      name,
      (value, walk) => (inner === undefined ? (value === null ? value : text(value, walk)) : (isRecord(value) ? inner : anyJson)(value, walk)),
    ]
  })
  const known = members(Object.fromEntries(named), { others: anyJson })
  return (value, walk) => (isRecord(value) ? known : anyJson)(value, walk)
}
