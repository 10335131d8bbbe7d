import { within } from '../guard/clock.ts'
import type { Attributes, Awaitable } from '../guard/context.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import type { SsfSettings } from './ssf-receiver.ts'
import { invalidRequest, SsfRefusal } from './ssf-refusal.ts'
import { isRecord } from './ssf-token.ts'

/** What a part of a subject identifier stands for; `sessionless` for what a user has that names no session. */
export type SubjectPart = 'token' | 'session' | 'sessionless' | 'user' | 'device'

/** Credentials that an event is about, before it is known which of them: by whom they were issued, and to what. */
export interface NamedSubject {
  readonly part: SubjectPart
  readonly name: string
  readonly issuer: string
}

/** Own functions may take this long, in milliseconds. */
const deadline = 5_000
const maxLength = 1_024
const maxDevices = 16

/**
 * What a subject identifier names (RFC 9493; SSF 1.0, section 3), for events that are about these parts, the most exact first.
 *
 * @throws SsfRefusal `invalid_request` for one that names nothing of them, or in a way that is not understood here: an event must
 * not be swallowed. `access_denied` for a subject of an issuer that the transmitter does not speak for.
 */
export async function namedSubjects(
  subject: Attributes | undefined,
  parts: readonly SubjectPart[],
  settings: SsfSettings,
): Promise<readonly NamedSubject[]> {
  if (subject === undefined) throw invalidRequest('The event has no subject.')
  const found: NamedSubject[] = []
  for (const [part, identifier] of chosenParts(subject, parts))
    for (const { name, issuers } of await namesOf(part, identifier, settings))
      for (const issuer of issuers) found.push({ part: identifier.format === 'jwt_id' ? 'token' : part, name, issuer })
  return found
}

function chosenParts(subject: Attributes, parts: readonly SubjectPart[]): readonly (readonly [SubjectPart, Attributes])[] {
  const { format } = subject
  // Before SSF 1.0 a complex subject did not say that it is one.
  if (format === 'complex' || format === undefined) {
    const part = parts.find((one) => Object.hasOwn(subject, one))
    const identifier = part === undefined ? undefined : subject[part]
    if (part === undefined || !isRecord(identifier)) throw invalidRequest('The subject names none of what the event is about.')
    if (part !== 'session' || !Object.hasOwn(subject, 'user')) return [[part, identifier]]
    // Many tokens do not tell of which session they are: of those, what the user had before may be of this one.
    const { user } = subject
    if (!isRecord(user)) throw invalidRequest('The user of the subject is no subject identifier.')
    return [
      [part, identifier],
      ['sessionless', user],
    ]
  }
  if (format === 'jwt_id') return [[only('token', parts), subject]]
  if (parts.length === 1) return [[only('device', parts), subject]]
  // Whether it is a user's or a session's name nobody says.
  if (format === 'opaque') return parts.filter((part) => part === 'session' || part === 'user').map((part) => [part, subject])
  return [[only('user', parts), subject]]
}

function only(part: SubjectPart, parts: readonly SubjectPart[]): SubjectPart {
  if (!parts.includes(part)) throw invalidRequest('The subject is of a kind that the event cannot be about.')
  return part
}

interface Names {
  readonly name: string
  readonly issuers: readonly string[]
}

async function namesOf(part: SubjectPart, identifier: Attributes, settings: SsfSettings): Promise<readonly Names[]> {
  switch (identifier.format) {
    case 'jwt_id':
      if (part !== 'token' && part !== 'session') throw invalidRequest('The id of a token names no user and no device.')
      return [{ name: text(identifier, 'jti'), issuers: [issuerOf(identifier, settings)] }]
    case 'iss_sub': {
      const issuer = issuerOf(identifier, settings)
      const name = text(identifier, 'sub')
      return part === 'device' ? await devicesOf(name, settings) : [{ name, issuers: [issuer] }]
    }
    case 'opaque': {
      const name = text(identifier, 'id')
      return part === 'device' ? await devicesOf(name, settings) : [{ name, issuers: settings.subjectsOf }]
    }
    case 'email':
      if (part !== 'user' && part !== 'sessionless') throw invalidRequest('An address names a user only.')
      return [{ name: await subjectOfEmail(text(identifier, 'email'), settings), issuers: settings.subjectsOf }]
    default:
      throw invalidRequest('The format of the subject is not understood here.')
  }
}

function text(identifier: Attributes, member: string): string {
  const value = identifier[member]
  if (typeof value !== 'string' || value === '' || value.length > maxLength)
    throw invalidRequest(`The member ${member} of the subject must be a text of 1 to ${maxLength} characters.`)
  return value
}

function issuerOf(identifier: Attributes, { subjectsOf }: SsfSettings): string {
  const issuer = text(identifier, 'iss')
  if (!subjectsOf.includes(issuer)) throw new SsfRefusal('access_denied', 'The subject is of an issuer that the transmitter does not speak for.')
  return issuer
}

async function subjectOfEmail(email: string, settings: SsfSettings): Promise<string> {
  const find = settings.subjectOfEmail
  if (find === undefined) throw invalidRequest('Subjects are not known by address here.')
  const subject: unknown = await inTime(() => find(email), settings)
  if (subject === undefined) throw invalidRequest('The subject is not known here.')
  return ownName(subject)
}

// A device is known by its key, whoever calls it what: the same one to every issuer that the transmitter speaks for.
async function devicesOf(name: string, settings: SsfSettings): Promise<readonly Names[]> {
  const find = settings.deviceOf
  if (find === undefined) {
    if (decodeBase64url(name)?.length !== 32) throw invalidRequest('Devices are not known by such names here.')
    return [{ name, issuers: settings.subjectsOf }]
  }
  const found: unknown = await inTime(() => find(name), settings)
  const devices: readonly unknown[] = Array.isArray(found) ? Array.from(found) : found === undefined ? [] : [found]
  if (devices.length === 0) throw invalidRequest('The device is not known here.')
  if (devices.length > maxDevices) throw new TypeError(`deviceOf gave more than ${maxDevices} devices`)
  return devices.map((device) => ({ name: ownName(device), issuers: settings.subjectsOf }))
}

function ownName(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TypeError('a mapping gave what is no name')
  return value
}

function inTime<T>(ask: () => Awaitable<T>, { clock }: SsfSettings): Promise<T> {
  return within(clock, deadline, 'A mapping of subjects', ask())
}
