import { sealedMediaType } from '../encryption/compact-jwe.ts'
import { parseFieldPointer } from '../encryption/field-pointer.ts'
import { memoryReplay, type ReplayMemory } from '../encryption/replay-memory.ts'
import type { SealContext } from '../encryption/seal-context.ts'
import { type FieldRules, openFields, sealFields } from '../encryption/sealed-fields.ts'
import { sealer } from '../encryption/sealer.ts'
import type { Suite } from '../encryption/suites.ts'
import { type Recipient, type SealableEvent, sealAnswer, sealEvents } from '../encryption/sealed-answer.ts'
import { type Check, checkOptions, hasMethods, isBoolean, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Call, Json, Known, Sealed } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { SealedPart } from '../guard/control.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import { agreementAlgorithms } from '../keys/agreement-key.ts'
import type { DataKeyOptions } from '../keys/data-keys.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import type { AgreementKeys } from '../keys/agreement-keys.ts'

/** Options of `encryptPayload` for fields. */
export interface EncryptFieldsOptions {
  /** Wraps the data keys. */
  readonly keys: KeyProvider
  /** Whether fields are sealed on the way out (`request`), opened on the way back (`response`), or both. */
  readonly direction: 'request' | 'response' | 'both'
  /**
   * JSON pointers (RFC 6901) into the payload, in which `*` stands for every element of a list and every member of an object. What
   * stands there becomes a sealed text.
   */
  readonly fields: readonly string[]
  /** Who and what the fields are for; whoever opens them must say the same. Where a field stands is bound as well. */
  readonly context: (call: Call & Pick<Known, 'identity'>) => SealContext
  /**
   * Whether a request is refused in which a pointer points to nothing, and an answer in which what stands at one is not sealed; true
   * unless given.
   */
  readonly required?: boolean
  /**
   * What is bound where a pointer has a `*`. `fixed`, unless given: the index or the name for which it stands, so that two elements
   * that changed places are refused. `free`: the pointer with its `*`, for a list that comes back in another order or in part; whoever
   * stands in between may then exchange its elements unseen.
   */
  readonly order?: 'fixed' | 'free'
  /** `aes-256-gcm` unless given. */
  readonly suite?: Suite
  /** Bounds on the use of data keys. */
  readonly dataKeys?: DataKeyOptions
}

/** Options of `encryptPayload` for whole payloads on a wire. */
export interface EncryptPayloadOptions {
  /** Opens what was sealed to the public keys that it publishes. */
  readonly keys: AgreementKeys
  /**
   * What must be sealed. On the wire it is both in any case: the key for the answer comes in a sealed request only, and who
   * asked sealed is never answered in clear.
   */
  readonly direction: 'request' | 'response' | 'both'
  /**
   * This service's own origin, such as `https://api.example`, to which a sealed request must be bound. Unless it is given it
   * is that of the channel's URL, which an adapter builds from its own option `origin` and never from the `Host` field.
   */
  readonly origin?: string
  /** Whether what comes in clear is refused; true unless given. Where not, it is answered in clear. */
  readonly required?: boolean
  /** How old a sealed request may be, in seconds; 60 unless given. */
  readonly maxAge?: number
  /** Remembers which requests were opened; in this process unless given. */
  readonly replay?: ReplayMemory
}

const checks: Readonly<Record<keyof EncryptPayloadOptions, Check>> = {
  keys: [hasMethods('decryptionKey', 'publicKeys', 'describe'), 'the AgreementKeys, such as localKeys()'],
  direction: oneOf('request', 'response', 'both'),
  origin: [optional(isOrigin), 'an origin such as https://api.example, without a path'],
  required: [optional(isBoolean), 'a boolean'],
  maxAge: [optional((value) => typeof value === 'number' && value > 0 && value <= 3600), 'a number of seconds above 0 and at most 3600'],
  replay: [optional(hasMethods('add')), 'a ReplayMemory'],
}

const fieldChecks: Readonly<Record<keyof EncryptFieldsOptions, Check>> = {
  keys: [hasMethods('generate', 'unwrap', 'describe'), 'a KeyProvider, such as localKeys({ primary, keys })'],
  direction: oneOf('request', 'response', 'both'),
  fields: [(value) => Array.isArray(value) && value.length > 0, 'a list of at least one JSON pointer'],
  context: [isFunction, 'a function of the call'],
  required: [optional(isBoolean), 'a boolean'],
  order: [optional((value) => value === 'fixed' || value === 'free'), "'fixed' or 'free'"],
  suite: [optional((value) => value === 'aes-256-gcm' || value === 'xchacha20-poly1305'), "'aes-256-gcm' or 'xchacha20-poly1305'"],
  dataKeys: [optional((value) => typeof value === 'object' && value !== null), 'an object'],
}

const clear: { readonly sealed: Sealed } = Object.freeze({ sealed: Object.freeze({ request: false, response: false }) })
const sealed: { readonly sealed: Sealed } = Object.freeze({ sealed: Object.freeze({ request: true, response: true }) })

/**
 * Seals payloads, whole or field by field. Stands right behind `verifyIdentity`.
 *
 * *On a wire* (without `fields`): opens requests that arrive as a JWE (RFC 7516, `content-type: application/jose`) and seals
 * their answers, whole or event by event, to the key that the request names. A sealed request is bound to the caller's
 * credential, to this address and to now, and works once. Behind a server adapter only.
 *
 * ```ts
 * guard().use(audit({ log })).use(verifyIdentity({ verifiers })).use(encryptPayload({ keys, direction: 'both', origin: 'https://api.example' }))
 * ```
 *
 * *Fields*: seals what stands at JSON pointers on its way out, after masking and whatever else reads it, and opens it on the way
 * back.
 *
 * ```ts
 * encryptPayload({ keys, direction: 'both', fields: ['/notes/*'], context: (call) => ({ tenant: call.identity.tenant ?? 'none' }) })
 * ```
 *
 * Refuses with `decryption_failed` whatever cannot be opened and what arrives in clear, `replayed`, `payload_too_large`,
 * `keys_unavailable`, `payload_unsupported` where there is nothing to seal at a pointer, `limits_unavailable` where the replay
 * memory is full.
 *
 * @throws TypeError for wrong options.
 */
export function encryptPayload(
  options: EncryptPayloadOptions | EncryptFieldsOptions,
): Control<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>> {
  return typeof options === 'object' && options !== null && 'fields' in options ? encryptFields(options) : encryptWire(options)
}

function encryptFields(options: EncryptFieldsOptions): Control<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>> {
  checkOptions('encryptPayload', options, fieldChecks)
  const { keys, direction, context, required = true, order = 'fixed', suite, dataKeys } = options
  const pointers = options.fields.map((text) => {
    const pointer = parseFieldPointer(text)
    if (pointer === undefined) throw new TypeError("encryptPayload: fields: must be JSON pointers such as '/messages/*/content'")
    return pointer
  })
  const box = sealer({ keys, ...(suite !== undefined && { suite }), ...(dataKeys !== undefined && { dataKeys }) })
  const seals = direction !== 'response'
  const opens = direction !== 'request'
  const rulesOf = (call: Call & Pick<Known, 'identity'>): FieldRules => ({
    context: contextOf(call, context),
    inPlace: order === 'fixed',
    strict: required,
  })
  const added = Object.freeze({ sealed: Object.freeze({ request: seals, response: opens }) })
  return builtIn<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>>(
    'encryptPayload',
    {
      enter: () => added,
      ...(seals && {
        request: (input: unknown, call: Call & Pick<Known, 'identity'>) => sealFields(input as Json, pointers, box, rulesOf(call)),
      }),
      ...(opens && {
        response: (parts: AsyncIterable<unknown>, call: Call & Pick<Known, 'identity'>, _settled: unknown, step: Step) =>
          openParts(parts, (part) => openFields(part, pointers, box, rulesOf(call)), step),
      }),
    },
    {
      needs: ['identity'],
      adds: ['sealed'],
      describe: { direction, required, order, fields: pointers.map(({ text }) => text), suite: suite ?? 'aes-256-gcm', keys: keys.describe() },
    },
    { rewrites: true, innermost: true, close: () => box.close() },
  )
}

// What gives a promise, or nothing at all, would bind nothing.
function contextOf<C>(call: C, context: (call: C) => SealContext): SealContext {
  const given: unknown = context(call)
  abandon(given)
  if (typeof given !== 'object' || given === null || isThenable(given) || Object.keys(given).length === 0)
    throw new GuardError('misconfigured', { reason: 'the context of the fields of a call has no part' })
  if (Object.hasOwn(given, 'field')) throw new GuardError('misconfigured', { reason: 'the context of the fields of a call names a field' })
  return given
}

async function* openParts(
  parts: AsyncIterable<unknown>,
  open: (part: Json) => Promise<Json>,
  { codec, streamed }: Step,
): AsyncGenerator<unknown, void, undefined> {
  for await (const part of parts) {
    const copy = codec === undefined ? snapshotJson(part) : codec.answer.snapshot(part, streamed)
    yield await open(copy as Json)
  }
}

function encryptWire(options: EncryptPayloadOptions): Control<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>> {
  checkOptions('encryptPayload', options, checks)
  const { keys, direction, origin, required = true, maxAge = 60, replay = memoryReplay() } = options
  const recipients = new WeakMap<Step, Recipient>()
  return builtIn<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>>(
    'encryptPayload',
    {
      async enter(call, step) {
        const { arrival } = step
        if (arrival === undefined) throw new GuardError('misconfigured', { reason: 'encryptPayload works on what arrives over a wire' })
        if (essence(arrival.mediaType) !== sealedMediaType) {
          if (required) throw new GuardError('decryption_failed', { reason: 'the payload must arrive sealed' })
          return clear
        }
        if (step.codec?.wire === undefined) throw new GuardError('misconfigured', { reason: 'the operation has no codec that could write an answer' })
        const address = addressOf(call.channel?.url, origin)
        if (address === undefined) throw new GuardError('misconfigured', { reason: 'the address is not known: give the adapter its origin' })
        const ath = await step.ath()
        // Loaded with the first request that comes sealed: most services see none.
        const { openRequest } = await import('../encryption/open-request.ts')
        const { content, recipient } = await openRequest(arrival.body, { keys, replay, ath, address, maxAge, now: step.clock.now() })
        recipients.set(step, recipient)
        step.open(content, (text, mediaType, status) => sealWhole(text, mediaType, recipient, status))
        return sealed
      },
      request(_input, _context, _call, step) {
        if (recipients.has(step)) step.fulfill('seal_response')
      },
      response(parts, _context, _call, step) {
        const recipient = recipients.get(step)
        return recipient === undefined ? parts : sealParts(parts, recipient, step)
      },
    },
    {
      needs: ['identity'],
      adds: ['sealed'],
      fulfills: ['seal_response'],
      describe: { direction, required, maxAge, origin: origin ?? 'that of the adapter', algorithms: agreementAlgorithms, keys: keys.describe() },
    },
    { opens: true, wireOnly: true, rewrites: true },
  )
}

async function* sealParts(parts: AsyncIterable<unknown>, recipient: Recipient, step: Step): AsyncGenerator<SealedPart, void, undefined> {
  const wire = step.codec?.wire
  const mediaType = wire?.mediaTypes[0]
  if (wire === undefined || mediaType === undefined) throw new GuardError('misconfigured', { reason: 'the codec cannot write an answer' })
  if (!step.streamed) {
    for await (const part of parts) yield await sealWhole(wire.serialize(part), mediaType, recipient, step.answerStatus)
    return
  }
  const events = serialized(parts, (part) => ({ data: wire.serializeEvent(part), type: wire.eventType?.(part) }))
  for await (const event of sealEvents(events, mediaType, recipient)) yield new SealedPart(sealedMediaType, event)
}

async function sealWhole(text: string, mediaType: string, recipient: Recipient, status: number): Promise<SealedPart> {
  return new SealedPart(sealedMediaType, await sealAnswer(text, mediaType, recipient, status))
}

async function* serialized(
  parts: AsyncIterable<unknown>,
  serialize: (part: unknown) => SealableEvent,
): AsyncGenerator<SealableEvent, void, undefined> {
  for await (const part of parts) yield serialize(part)
}

// A media type without its parameters (RFC 9110, section 8.3.1).
function essence(mediaType: string): string {
  const end = mediaType.indexOf(';')
  return (end === -1 ? mediaType : mediaType.slice(0, end)).trim().toLowerCase()
}

// The address of a request without query and fragment; put together as text, since a path may begin with two slashes.
function addressOf(url: string | undefined, origin: string | undefined): string | undefined {
  const whole = url?.startsWith('/') && origin !== undefined ? origin + url : url
  if (whole === undefined || !URL.canParse(whole)) return undefined
  const parsed = new URL(whole)
  return parsed.protocol === 'https:' || parsed.protocol === 'http:' ? (origin ?? parsed.origin) + parsed.pathname : undefined
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const url = new URL(value)
  return (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === value
}
