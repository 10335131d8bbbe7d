import type { Decision } from './context.ts'

/** Why a call was refused. Stable: programs may branch on it. */
export type GuardErrorCode =
  | 'identity_missing'
  | 'identity_invalid'
  | 'identity_expired'
  | 'identity_revoked'
  | 'binding_required'
  | 'binding_invalid'
  | 'replayed'
  | 'step_up_required'
  | 'denied'
  | 'approval_required'
  | 'obligation_unmet'
  | 'switched_off'
  | 'policy_unavailable'
  | 'limit_exceeded'
  | 'limits_unavailable'
  | 'payload_invalid'
  | 'payload_unsupported'
  | 'payload_blocked'
  | 'payload_too_large'
  | 'decryption_failed'
  | 'keys_unavailable'
  | 'audit_unavailable'
  | 'deadline_exceeded'
  | 'aborted'
  | 'misconfigured'

// The status, and the one sentence that a caller may see.
const answers: Readonly<Record<GuardErrorCode, readonly [status: number, message: string]>> = {
  identity_missing: [401, 'Authentication is required.'],
  identity_invalid: [401, 'The credential was not accepted.'],
  identity_expired: [401, 'The credential has expired.'],
  identity_revoked: [401, 'The credential was revoked.'],
  binding_required: [401, 'A credential bound to its sender is required.'],
  binding_invalid: [401, 'The proof of possession was not accepted.'],
  replayed: [401, 'This proof was used before.'],
  step_up_required: [401, 'A stronger authentication is required.'],
  denied: [403, 'This is not permitted.'],
  approval_required: [403, 'This needs an approval.'],
  obligation_unmet: [403, 'A condition of the permission could not be met.'],
  switched_off: [503, 'This is switched off.'],
  policy_unavailable: [503, 'The policy could not be asked.'],
  limit_exceeded: [429, 'A limit was reached.'],
  limits_unavailable: [503, 'The limits could not be checked.'],
  payload_invalid: [400, 'The payload is malformed.'],
  payload_unsupported: [400, 'The payload has a shape that is not supported.'],
  payload_blocked: [400, 'The payload contains something that must not be sent.'],
  payload_too_large: [413, 'The payload is too large.'],
  decryption_failed: [400, 'The payload could not be opened.'],
  keys_unavailable: [503, 'The keys are not available.'],
  audit_unavailable: [503, 'The call could not be recorded.'],
  deadline_exceeded: [504, 'The call took too long.'],
  aborted: [499, 'The call was aborted.'],
  misconfigured: [500, 'The service is misconfigured.'],
}

const mark = Symbol.for('sallyport.GuardError')

/** What may accompany a refusal. */
export interface RefusalDetails {
  /** The private reason: for the log and the operator, never for the caller. */
  readonly reason?: string
  /** The error that led to it. Private as well. */
  readonly cause?: unknown
  /** Header fields for the answer, such as a challenge or a retry time; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the problem says beside its code, to the caller as well. */
  readonly problem?: ProblemDetails
}

/** What a problem may say beside what its code says. */
export interface ProblemDetails {
  /** A URI that names the sort of problem, where a standard has one; `urn:sallyport:problem:` and the code unless given. */
  readonly type?: string
  /** The names of the limits that were in the way (draft-ietf-httpapi-ratelimit-headers-10, section 4). */
  readonly 'violated-policies'?: readonly string[]
}

/**
 * A refusal. `message` is fixed for each `code` and safe to show to a caller; the reason is in `cause` and in the audit
 * log only. `status` is the HTTP status that fits, `headers` what belongs beside it. It has no stack: what led to it says more.
 *
 * ```ts
 * throw new GuardError('denied', { reason: 'no contract with this tenant' })
 * ```
 */
export class GuardError extends Error {
  override readonly name: string = 'GuardError'
  readonly code: GuardErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly problem: ProblemDetails | undefined

  static {
    Object.defineProperty(this.prototype, mark, { value: true })
  }

  constructor(code: GuardErrorCode, details: RefusalDetails = {}) {
    const { reason, cause, headers, problem } = details
    const [status, message] = answers[code]
    const limit = stackless()
    const inner = reason === undefined ? cause : new Error(reason, cause === undefined ? undefined : { cause })
    super(message, inner === undefined ? undefined : { cause: inner })
    restoreStacks(limit)
    this.code = code
    this.status = status
    this.headers = Object.freeze({ ...headers })
    this.problem = problem === undefined ? undefined : Object.freeze({ ...problem })
  }

  /** What `JSON.stringify` shows of it: the public part. */
  toJSON(): Problem {
    return toProblem(this)
  }
}

// A refusal is an answer and no accident: its reason says why. To walk the stack would cost more than most checks do, and a
// stranger could have it walked as often as he likes.
function stackless(): number | undefined {
  const { stackTraceLimit } = Error
  return setStackTraceLimit(0) ? stackTraceLimit : undefined
}

function restoreStacks(limit: number | undefined): void {
  if (limit !== undefined) setStackTraceLimit(limit)
}

// Not every runtime has it, and where intrinsics are frozen it cannot be set.
function setStackTraceLimit(limit: number): boolean {
  return typeof Error.stackTraceLimit === 'number' && Reflect.set(Error, 'stackTraceLimit', limit)
}

/** Whether a value is a `GuardError`, also one made by another copy of this package. */
export function isGuardError(value: unknown): value is GuardError {
  try {
    return value instanceof Error && (value as { [mark]?: unknown })[mark] === true
  } catch {
    // What cannot even be looked at is nothing of ours.
    return false
  }
}

const maxReason = 1_000

/**
 * The private reason of a refusal, or of a failure, for the log and the operator. A refusal's own reason was written for
 * them. Any other message was not: a parser quotes what it could not read, a vendor's client quotes prompts and keys; such
 * errors appear by name and code. Empty where there is no reason. At most 1,000 characters.
 */
export function reasonOf(error: unknown): string {
  try {
    return reasonsOf(error)
  } catch {
    return 'an error that cannot be looked at'
  }
}

function reasonsOf(error: unknown): string {
  const parts: string[] = []
  let current = error
  let isReason = false
  for (let depth = 0; depth < 4 && current !== undefined; depth++) {
    if (isGuardError(current)) {
      if (depth > 0) parts.push(current.code)
      isReason = true
    } else {
      parts.push(isReason && isPlainError(current) ? current.message : nameOf(current))
      isReason = false
    }
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join(': ').slice(0, maxReason)
}

function isPlainError(error: unknown): error is Error {
  return error instanceof Error && Object.getPrototypeOf(error) === Error.prototype
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`
  const name = /^[A-Za-z][\w.]{0,63}$/.test(error.name) ? error.name : 'Error'
  return 'code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(error.code) ? `${name} ${error.code}` : name
}

/** An RFC 9457 problem: the body of `application/problem+json`. */
export interface Problem extends ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: GuardErrorCode
}

/** The public account of any error (RFC 9457). What is not a `GuardError` becomes `misconfigured` and tells nothing. */
export function toProblem(error: unknown): Problem {
  const code = isGuardError(error) && Object.hasOwn(answers, error.code) ? error.code : 'misconfigured'
  const [status, title] = answers[code]
  const own = `urn:sallyport:problem:${code}`
  if (!isGuardError(error) || typeof error.problem !== 'object' || error.problem === null) return { type: own, title, status, code }
  // One of another copy of this package may hold anything.
  const { type, 'violated-policies': violated } = error.problem
  return {
    type: typeof type === 'string' && /^[a-z][a-z0-9+.-]*:[!-~]{1,200}$/.test(type) ? type : own,
    title,
    status,
    code,
    ...(Array.isArray(violated) && violated.every((name) => typeof name === 'string') && { 'violated-policies': [...violated] }),
  }
}

// Beside the error and not on it: whoever is shown the error cannot find the rules.
const decisions = new WeakMap<object, Decision>()

/** A refusal that comes from a decision. The decision is for the log alone. */
export function denied(decision: Decision, code: GuardErrorCode = 'denied', details: RefusalDetails = {}): GuardError {
  const error = new GuardError(code, details)
  decisions.set(error, decision)
  return error
}

/** The decision that a refusal came from, where it came from one. */
export function decisionOf(error: unknown): Decision | undefined {
  return typeof error === 'object' && error !== null ? decisions.get(error) : undefined
}
