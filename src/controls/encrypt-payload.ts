import { sealedMediaType } from '../encryption/compact-jwe.ts'
import { memoryReplay, type ReplayMemory } from '../encryption/replay-memory.ts'
import { type Recipient, sealAnswer, sealEvents } from '../encryption/sealed-answer.ts'
import { type Check, checkOptions, hasMethods, isBoolean, oneOf, optional } from '../guard/check-options.ts'
import type { Call, Known, Sealed } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { SealedPart } from '../guard/control.ts'
import { agreementAlgorithms } from '../keys/agreement-key.ts'
import type { AgreementKeys } from '../keys/agreement-keys.ts'

/** Options of `encryptPayload`. */
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
  keys: [hasMethods('decryptionKey', 'publicKeys', 'describe'), 'a AgreementKeys, such as localKeys()'],
  direction: oneOf('request', 'response', 'both'),
  origin: [optional(isOrigin), 'an origin such as https://api.example, without a path'],
  required: [optional(isBoolean), 'a boolean'],
  maxAge: [optional((value) => typeof value === 'number' && value > 0 && value <= 3600), 'a number of seconds above 0 and at most 3600'],
  replay: [optional(hasMethods('add')), 'a ReplayMemory'],
}

const clear: { readonly sealed: Sealed } = Object.freeze({ sealed: Object.freeze({ request: false, response: false }) })
const sealed: { readonly sealed: Sealed } = Object.freeze({ sealed: Object.freeze({ request: true, response: true }) })

/**
 * Opens requests that arrive as a JWE (RFC 7516, `content-type: application/jose`) and seals their answers, whole or event
 * by event, to the key that the request names. A sealed request is bound to the caller's credential, to this address and
 * to now, and works once. Works on a wire only, behind a server adapter; stands right behind `verifyIdentity`.
 *
 * ```ts
 * guard().use(audit({ log })).use(verifyIdentity({ verifiers })).use(encryptPayload({ keys, direction: 'both', origin: 'https://api.example' }))
 * ```
 *
 * Refuses with `decryption_failed` whatever cannot be opened and what arrives in clear, `replayed`, `payload_too_large`,
 * `keys_unavailable`, `limits_unavailable` where the replay memory is full.
 *
 * @throws TypeError for wrong options.
 */
export function encryptPayload(options: EncryptPayloadOptions): Control<Call & Pick<Known, 'identity'>, Pick<Known, 'sealed'>> {
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
        step.open(content)
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
    for await (const part of parts) yield new SealedPart(sealedMediaType, await sealAnswer(wire.serialize(part), mediaType, recipient))
    return
  }
  const events = serialized(parts, (part) => wire.serializeEvent(part))
  for await (const event of sealEvents(events, mediaType, recipient)) yield new SealedPart(sealedMediaType, event)
}

async function* serialized(parts: AsyncIterable<unknown>, serialize: (part: unknown) => string): AsyncGenerator<string, void, undefined> {
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
