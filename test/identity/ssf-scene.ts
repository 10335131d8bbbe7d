import type { Identity } from '../../src/guard/context.ts'
import { makeIdentity, type IdentityParts } from '../../src/identity/make-identity.ts'
import { revocationList } from '../../src/identity/revocation-list.ts'
import { ssfReceiver, type SsfEvent, type SsfReceiverOptions } from '../../src/identity/ssf-receiver.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type MintOptions, testIssuer } from '../../src/testing/test-issuer.ts'

export const transmitter = 'https://id.example'
export const receiver = 'https://api.example/events'
export const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
export const verification = 'https://schemas.openid.net/secevent/ssf/event-type/verification'

/** A subject by its name at the transmitter. */
export const ada = { format: 'iss_sub', iss: transmitter, sub: 'ada' }
/** The thumbprint of a key. */
export const phone = `${'A'.repeat(42)}E`

type Claims = Readonly<Record<string, unknown>>

/** A transmitter with real keys, a receiver that listens to it, and what came of it. */
export function ssfScene(options: Partial<SsfReceiverOptions> = {}) {
  const clock = testClock()
  const issuer = testIssuer({ clock, issuer: transmitter, audience: receiver })
  const revocation = revocationList({ clock })
  const told: SsfEvent[] = []
  const failures: unknown[] = []
  const receive = ssfReceiver({
    issuer: transmitter,
    audience: receiver,
    keys: issuer.options.keys,
    revocation,
    onEvent: (event) => void told.push(event),
    onError: (error) => void failures.push(error),
    clock,
    ...options,
  })
  const seconds = (): number => Math.floor(clock.now() / 1000)
  /** A signed token that says these events; claims over the right ones. */
  const token = (events: Claims, claims: Claims = {}, minted: MintOptions = {}): Promise<string> =>
    issuer.mint(
      { sub: undefined, exp: undefined, client_id: undefined, sub_id: ada, events, ...claims },
      { ...minted, header: { typ: 'secevent+jwt', ...minted.header } },
    )
  const deliver = (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> => receive(push(body, headers))
  /** Delivers one event of CAEP about a subject. */
  const send = async (type: string, subject: unknown, payload: Claims = {}): Promise<Response> =>
    deliver(await token({ [caep + type]: payload }, { sub_id: subject }))
  /** Somebody whom the transmitter vouches for; issued a minute ago unless told otherwise. */
  const somebody = (parts: Partial<IdentityParts> = {}, claims: Claims = {}): Identity =>
    makeIdentity({
      subject: 'ada',
      issuer: transmitter,
      expiresAt: Number.POSITIVE_INFINITY,
      tokenId: 'token-1',
      ...parts,
      claims: { iat: seconds() - 60, sid: 'session-1', ...claims } as Identity['claims'],
    })
  return { clock, issuer, revocation, told, failures, receive, token, deliver, send, somebody, seconds }
}

/** A delivery as RFC 8935, section 2.1 has it. */
export function push(body: string, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request(receiver, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json', ...headers },
  })
}
