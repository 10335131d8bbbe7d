import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import type { Awaitable } from '../guard/context.ts'
import { secureUrl } from '../keys/secure-url.ts'
import type { AuditSink, LoggedEntry, Signer } from './audit-log.ts'
import { cloudEvent, missedEvent } from './cloud-event.ts'
import { signMessage } from './message-signature.ts'

/** Options of `httpSink`. */
export interface HttpSinkOptions {
  /** Where batches are sent: https, or http at a loopback address. */
  readonly url: URL
  /** What names the log in each event, a URI reference such as `urn:log:support-bot.eu-1`. */
  readonly source: string
  /** Signs every batch (RFC 9421). A key of its own, not the log's. */
  readonly signer?: Signer
  /** What the receiver knows the signer's key by; needs `signer`. */
  readonly keyId?: string
  /** Fields of one's own, such as `authorization`; asked for each batch. */
  readonly headers?: () => Awaitable<Readonly<Record<string, string>>>
  /** How long an answer may take, in milliseconds; 10,000 unless given. */
  readonly timeout?: number
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
}

const mediaType = 'application/cloudevents-batch+json; charset=utf-8'
const checks: Readonly<Record<keyof HttpSinkOptions, Check>> = {
  url: [(value) => value instanceof URL, 'a URL object'],
  source: [(value) => typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value), 'a URI reference'],
  signer: [optional(hasMethods('sign')), 'a Signer'],
  keyId: [optional((value) => typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(value)), 'printable ASCII without quotes'],
  headers: [optional(isFunction), 'a function'],
  timeout: [optional((value) => typeof value === 'number' && value > 0 && value <= 25_000), 'milliseconds, above 0 and at most 25,000'],
  fetch: [optional(isFunction), 'a function'],
}

/**
 * Sends what is in the log as CloudEvents (1.0, batches of JSON). A batch is taken when the answer's status is 2xx; otherwise it comes
 * again. Redirects are not followed: what is in a log goes where it was said to go.
 *
 * ```ts
 * const sink = httpSink({ url: new URL('https://siem.example/events'), source: 'urn:log:support-bot.eu-1', signer, keyId: 'bot-1' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function httpSink(options: HttpSinkOptions): AuditSink {
  checkOptions('httpSink', options, checks)
  const { source, signer, keyId, headers, timeout = 10_000, fetch } = options
  if ((signer === undefined) !== (keyId === undefined)) throw new TypeError('httpSink: signer and keyId belong together')
  const url = secureUrl('httpSink: url', options.url)
  return Object.freeze({
    name: 'http',
    async deliver(entries: readonly LoggedEntry[], missed: number): Promise<void> {
      const now = Date.now()
      const events = [...(missed > 0 ? [missedEvent(source, missed, now)] : []), ...entries.map((entry) => cloudEvent(source, entry))]
      const body = new TextEncoder().encode(JSON.stringify(events))
      const response = await (fetch ?? globalThis.fetch)(url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(timeout),
        headers: {
          ...(await headers?.()),
          'content-type': mediaType,
          ...(signer !== undefined && keyId !== undefined && (await signMessage(url, mediaType, body, signer, keyId, now))),
        },
        body,
      })
      // Nothing in it is of interest, and a body that is not read keeps its connection.
      await response.body?.cancel().catch(() => {})
      if (!response.ok) throw new Error(`the receiver answered with status ${response.status}`)
    },
  })
}
