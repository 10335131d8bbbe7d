import { isGuardError } from '../../guard/errors.ts'

/** Fields that describe the bytes as they were, or the connection they came on. Neither is what is sent on. */
const dropped: readonly string[] = [
  'accept-ranges',
  'connection',
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'keep-alive',
  'last-modified',
  'proxy-authenticate',
  'repr-digest',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** The fields of an answer that the application made: its own to set, but for those that describe what is not sent on. */
export function ownFields(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of dropped) kept.delete(name)
  return kept
}

// No control reads a field, so one that somebody else wrote is handed on only where its value has no room for a text.
const count = /^\d{1,12}$/
const delay = /^\d{1,12}(?:\.\d{1,9})?(?:ms|s|m(?:\d{1,2}(?:\.\d{1,9})?s)?|h(?:\d{1,2}m)?(?:\d{1,2}(?:\.\d{1,9})?s)?)?$/
const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/
// Short, or of the forms that ids of requests have, with a letter in it: digits alone may be a card's number, other letters a key.
const identifier =
  /^(?:(?=[\d_-]{0,12}[A-Za-z])[\w-]{1,12}|req_[0-9A-Za-z]{8,40}|(?=[\d-]{0,64}[a-f])(?:[0-9a-f]{16,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))$/
const limit = '"[a-z][a-z-]{0,23}"(?:;[a-z-]{1,16}=(?:\\d{1,12}|"[a-z-]{1,24}"))*'
const limits = new RegExp(`^${limit}(?:, ${limit})*$`)

/** What a client needs of the fields that a vendor sends, and the forms in which each is handed on. */
const harmless: readonly (readonly [name: string, ...forms: RegExp[]])[] = [
  ['date', date],
  ['request-id', identifier],
  ['x-request-id', identifier],
  ['retry-after', count, date],
  ['retry-after-ms', delay],
  ['x-should-retry', /^(?:true|false)$/],
  ['ratelimit', limits],
  ['ratelimit-policy', limits],
  ...['ratelimit', 'x-ratelimit'].flatMap((family) =>
    ['', '-requests', '-tokens'].flatMap((unit) => [
      [`${family}-limit${unit}`, count] as const,
      [`${family}-remaining${unit}`, count] as const,
      [`${family}-reset${unit}`, delay] as const,
    ]),
  ),
]

/** No value is longer, in characters. */
const longest = 256

/**
 * The fields of an answer that somebody else made, such as a model's vendor: request ids, retry times and rate limits, each in
 * a plain and bounded form, and nothing else.
 */
export function foreignFields(headers: Headers): Headers {
  const kept = new Headers()
  for (const [name, ...forms] of harmless) {
    const value = headers.get(name)
    if (value !== null && value.length <= longest && forms.some((form) => form.test(value))) kept.set(name, value)
  }
  return kept
}

/** The fields that a refusal asks for. One that cannot stand in an answer is left out: the refusal itself must reach its caller. */
export function refusalFields(error: unknown): Headers {
  const fields = new Headers()
  if (!isGuardError(error)) return fields
  // A refusal of another copy of this package may hold anything.
  for (const [name, value] of Object.entries(error.headers ?? {})) {
    try {
      fields.set(name, value)
    } catch {
      // As said above.
    }
  }
  return ownFields(fields)
}

/**
 * The header field that carries a call's handle from `through` to the guarded `fetch`, inside this process. It never
 * reaches a wire, and is taken off whatever comes from one.
 */
export const callHandleField = 'x-sallyport-call'

/** Fields that are not handed on with a body that was built anew: they describe its bytes as they came, and the handle. */
export const rebuiltFields: readonly string[] = [
  callHandleField,
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'digest',
  'expect',
  'repr-digest',
  'transfer-encoding',
]
