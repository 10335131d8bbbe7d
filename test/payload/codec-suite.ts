import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Codec, Text } from '../../src/guard/codec.ts'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { apart, placesOf, valuesFor, withValue } from './chat-payloads.ts'

const prose = 'canary prose 4711'
const key = 'canary4711Canary4711'
const card = 5555555555554444

/** What every codec is held to. */
export interface CodecSubject<I> {
  readonly codec: Codec<I>
  /** A request that has everything in it that is not refused. */
  readonly request: unknown
  /** The same without content that is no text; `request` unless given. */
  readonly readable?: unknown
  /** Whole answers that have everything in them that is not refused. */
  readonly answers: readonly unknown[]
  /** Parts of streamed answers, likewise; their tool calls are complete. */
  readonly parts: readonly unknown[]
  /** Whether a whole answer and a part look the same. */
  readonly alike?: boolean
  /** Whether it takes any JSON at all. */
  readonly open?: boolean
}

/** One way to look at a payload, a request or an answer. */
interface Reader {
  take(payload: unknown): unknown
  texts(copy: unknown): readonly Text[]
  replace(copy: unknown, values: readonly string[]): unknown
}

/** Values that are other ones and still of the kind that they must be. */
export function otherValues(texts: readonly Text[]): string[] {
  return valuesFor(texts, ({ kind }, index) => (kind === 'url' ? `https://covered.example/${index}` : `covered ${index}`))
}

/** What stands at a pointer (RFC 6901). */
export function at(value: unknown, pointer: string): unknown {
  const steps = pointer.split('/').slice(1)
  return steps.reduce<unknown>((held, step) => (held as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')], value)
}

/** Each text that is no identifier, as one line: role, kind, pointer and value. */
export function shown(texts: readonly Text[]): string[] {
  return apart(texts).others.map(({ value, path, role, kind }) => `${role} ${kind} ${path} ${value}`)
}

function refusal(error: unknown): undefined {
  assert.ok(isGuardError(error), String(error))
  assert.ok(['payload_invalid', 'payload_unsupported'].includes(error.code), error.code)
  assert.doesNotMatch(reasonOf(error), /canary|prose|5555/)
  return undefined
}

function read(reader: Reader, payload: unknown): { readonly copy: unknown; readonly texts: readonly Text[] } | undefined {
  try {
    const copy = reader.take(payload)
    return { copy, texts: reader.texts(copy) }
  } catch (error) {
    return refusal(error)
  }
}

// Whether something stands there that replacing every text leaves in.
function leaks(reader: Reader, payload: unknown): boolean {
  const found = read(reader, payload)
  return found !== undefined && JSON.stringify(reader.replace(found.copy, otherValues(found.texts))).includes('canary')
}

// Whether something stands there that nobody who looks at texts, or at identifiers, would see.
function hides(reader: Reader, payload: unknown, secret: string): boolean {
  const found = read(reader, payload)
  return found !== undefined && JSON.stringify(found.copy).includes(secret) && !found.texts.some(({ value }) => value.includes(secret))
}

function isDeeplyFrozen(value: unknown): boolean {
  return (
    typeof value !== 'object' ||
    value === null ||
    value instanceof Uint8Array ||
    (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen))
  )
}

// A number in the arguments of a tool that was replaced is a string from then on.
function numbers(value: unknown): string {
  return JSON.stringify(value).replaceAll(/\\*"(4111111111111111)\\*"/g, '$1')
}

function holds(name: string, reader: Reader, payload: unknown, readable: unknown): void {
  test(`${name}: taken as it is, frozen, and rebuilt as it was`, () => {
    const copy = reader.take(payload)
    assert.deepEqual(copy, payload)
    assert.ok(isDeeplyFrozen(copy))
    const texts = reader.texts(copy)
    const same = texts.map(({ value }) => value)
    assert.equal(reader.replace(copy, same), copy)
    const replaced = reader.replace(copy, otherValues(texts))
    assert.deepEqual(
      reader.texts(replaced).map(({ value }) => value),
      otherValues(texts),
    )
    assert.ok(isDeeplyFrozen(replaced))
    assert.equal(numbers(reader.replace(replaced, same)), numbers(copy))
    assert.throws(() => reader.replace(copy, [...same, 'one more']), TypeError)
  })

  test(`${name}: each text stands where it is said to`, () => {
    const copy = reader.take(payload)
    for (const { value, path, channel } of reader.texts(copy)) {
      const found = at(copy, path)
      if (channel.endsWith('~name')) assert.equal(path.split('/').at(-1)?.replaceAll('~1', '/').replaceAll('~0', '~'), value)
      else if (typeof found === 'number') assert.equal(String(found), value)
      else if (/~\d+$/.test(channel)) assert.ok(JSON.stringify(JSON.parse(String(found))).includes(JSON.stringify(value).slice(1, -1)))
      else assert.equal(found, value)
    }
  })

  test(`A15: ${name}: prose in any place, in any name and in any unknown member is covered or refused`, () => {
    for (const place of placesOf(payload)) {
      for (const put of [prose, [prose], { text: prose }, { type: 'text', text: prose }, { type: prose }, { role: prose, content: prose }, [[prose]]])
        assert.ok(!leaks(reader, withValue(payload, place, put)), place.join('/'))
      if (typeof place.at(-1) === 'string') assert.ok(!leaks(reader, withValue(payload, place, undefined, prose)), `name ${place.join('/')}`)
    }
    for (const place of [[], ...placesOf(payload)]) {
      const holder = place.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], payload)
      if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) continue
      for (const put of [prose, { text: prose }, [prose], { deep: [{ text: prose }] }])
        assert.ok(!leaks(reader, withValue(payload, place, { ...holder, extra: put })), place.join('/'))
    }
  })

  test(`A15: ${name}: a key or a number in any place is shown or refused`, () => {
    for (const place of placesOf(readable)) {
      for (const put of [key, [key], { text: key }, { [key]: 1 }]) assert.ok(!hides(reader, withValue(readable, place, put), key), place.join('/'))
      if (typeof place.at(-1) === 'string') assert.ok(!hides(reader, withValue(readable, place, undefined, key), key), `name ${place.join('/')}`)
      for (const put of [card, [card], { number: card }, -card, card + 0.5])
        assert.ok(!hides(reader, withValue(readable, place, put), String(card)), place.join('/'))
    }
  })
}

/** Holds a codec to what all of them promise: what is there is covered or refused, and nothing else is changed. */
export function holdCodec<I>({ codec, request, readable = request, answers, parts, alike = false, open = false }: CodecSubject<I>): void {
  const { answer } = codec
  describe(`${codec.name}, as every codec`, () => {
    const requests: Reader = {
      take: (payload) => codec.snapshot(payload),
      texts: (copy) => codec.texts(copy as I),
      replace: (copy, values) => codec.replace(copy as I, values),
    }
    holds('a request', requests, request, readable)
    const reader = (streamed: boolean): Reader => ({ ...answer, take: (payload) => answer.snapshot(payload, streamed) })
    for (const [index, whole] of answers.entries()) holds(`whole answer ${index}`, reader(false), whole, whole)
    for (const [index, part] of parts.entries()) holds(`part ${index}`, reader(true), part, part)

    test('A13: a getter and a Proxy are read once', () => {
      const asked = new Map<PropertyKey, number>()
      const watched = new Proxy(request as object, {
        get(target, name) {
          asked.set(name, (asked.get(name) ?? 0) + 1)
          return Reflect.get(target, name)
        },
      })
      codec.snapshot(watched)
      for (const name of Object.keys(request as object)) assert.equal(asked.get(name), 1, name)
    })

    test('A16: what throws when it is looked at, or cannot be JSON, is refused with a reason', () => {
      const fail = (): never => {
        throw new Error('canary')
      }
      const revoked = Proxy.revocable({}, {})
      revoked.revoke()
      const cyclic: Record<string, unknown> = {}
      cyclic.self = cyclic
      const odd = [
        new Proxy({}, { getPrototypeOf: fail }),
        new Proxy({}, { ownKeys: fail }),
        new Map(),
        new (class Own {})(),
        new Proxy([1], { get: fail }),
        revoked.proxy,
        cyclic,
        10n,
        Symbol('x'),
        Number.NaN,
        'a\ud800b',
        JSON.parse('{"__proto__":{"admin":true}}'),
      ]
      const holders = Array.isArray(request) ? [] : Object.keys(request as object)
      for (const value of odd) {
        const loaded = [value, ...holders.map((name) => ({ ...(request as object), [name]: value })), { ...(request as object), extra: value }]
        for (const input of loaded) {
          assert.throws(() => codec.snapshot(input), isGuardError)
          for (const streamed of [true, false]) assert.throws(() => answer.snapshot(input, streamed), isGuardError)
        }
      }
    })

    test('a copy is not copied again, and neither is one that was rewritten', () => {
      const copy = codec.snapshot(request)
      assert.equal(codec.snapshot(copy), copy)
      const replaced = codec.replace(copy, otherValues(codec.texts(copy)))
      assert.equal(codec.snapshot(replaced), replaced)
    })

    if (!alike)
      test('an answer is no part, and a part no answer', () => {
        for (const whole of answers) if (isAnswer(whole)) assert.throws(() => answer.snapshot(whole, true), { code: 'payload_unsupported' })
        for (const part of parts) if (isAnswer(part)) assert.throws(() => answer.snapshot(part, false), { code: 'payload_unsupported' })
      })

    if (!open)
      test('A15: refuses everything else', () => {
        for (const other of [7, null, 'text', true, {}, { text: 'x' }, { foo: [] }, new Uint8Array(2), new Map(), () => {}]) {
          assert.throws(() => codec.snapshot(other), isGuardError)
          for (const streamed of [true, false]) assert.throws(() => answer.snapshot(other, streamed), isGuardError)
        }
      })

    test('every channel that runs can be carried on, and says that it is the same text', () => {
      for (const part of parts) {
        const copy = answer.snapshot(part, true)
        for (const { channel, whole, kind } of answer.texts(copy)) {
          if (whole === true || kind !== 'text') continue
          const carried = answer.carry(copy, channel, 'held back')
          assert.deepEqual(
            apart(answer.texts(carried))
              .others.filter((text) => text.value !== '' && !(open && text.whole === true))
              .map((text) => [text.value, text.channel]),
            [['held back', channel]],
          )
          assert.deepEqual(answer.snapshot(carried, true), carried)
          assert.deepEqual(answer.ends(carried), [])
        }
      }
      for (const channel of ['', 'x', '/a/b', 'choices/0/tool_calls', 'blocks/0/__proto__', 'constructor'])
        assert.throws(() => answer.carry(parts[0] ?? {}, channel, 'x'), TypeError)
    })

    if (codec.wire !== undefined) {
      const { wire } = codec
      test('what is written is read again, also a refusal in the protocol', () => {
        const copy = codec.snapshot(request)
        const bytes = new TextEncoder().encode(wire.serialize(copy))
        assert.deepEqual(wire.parse(bytes), JSON.parse(wire.serialize(copy)))
        for (const part of parts) {
          assert.deepEqual(wire.parseEvent(wire.serializeEvent(part)), part)
          assert.doesNotMatch(wire.eventType?.(part) ?? '', /[\r\n]/)
        }
        const event = wire.errorEvent('payload_blocked', 'A public sentence.')
        assert.match(event, /payload_blocked/)
        assert.match(event, /A public sentence\./)
        const error = answer.snapshot(wire.parseEvent(event), true)
        assert.ok(JSON.stringify(answer.texts(error)).includes('A public sentence.'))
      })
    }
  })
}

// Errors stand in the place of either.
function isAnswer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !('error' in value && value.error !== null) && !('type' in value && value.type === 'error')
}

/** The parts of a stream as their assembly gives them. */
export async function assembled(codec: Pick<Codec, 'answer'>, parts: readonly unknown[]): Promise<unknown[]> {
  async function* given(): AsyncGenerator<unknown> {
    for (const part of parts) yield codec.answer.snapshot(part, true)
  }
  const read: unknown[] = []
  for await (const part of codec.answer.assemble(given())) read.push(part)
  return read
}
