import { callDigest } from '../guard/call-digest.ts'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, within } from '../guard/clock.ts'
import type { Attributes, Awaitable, Call, Identity, Json, Known, Resource } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { encodeBase64url } from '../keys/base64url.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import { type Approver, type ApproverKeys, approverKeys } from './approver.ts'
import { type Approval, readApproval } from './read-approval.ts'

/** Options of `approvals`. */
export interface ApprovalsOptions {
  /** Who may approve: each by the issuer and the subject of its identity, and by its public keys. */
  readonly approvers: readonly Approver[]
  /**
   * Told of a request for an approval, with the exact arguments, so that it reaches those who approve. The refusal waits for it.
   * What it throws, or when it takes longer than five seconds, makes the refusal `keys_unavailable`.
   */
  readonly onRequest?: (request: ApprovalRequest) => Awaitable<void>
  /** Whether this approver may approve this request, beside not being the requester; every one may unless given. Must not wait. */
  readonly permits?: (approver: { readonly issuer: string; readonly subject: string }, request: ApprovalRequest) => boolean
  /** How long after it was signed an approval is good, in seconds; 900 unless given. */
  readonly maxAge?: number
  /** Where used approvals are remembered, shared by all instances; a memory of its own unless given. */
  readonly store?: StateStore
}

/** What somebody is asked to approve. */
export interface ApprovalRequest {
  /** Names the request, for people and programs; the digest is what an approval is about. */
  readonly id: string
  /** The digest of all that is approved, in base64url (SHA-256): the guard, the action, the resource, the attributes, the caller, who acts for it, and the exact arguments. */
  readonly digest: string
  readonly guard: string
  readonly action: string
  readonly resource: Resource
  /** What the application states of the call. */
  readonly attributes: Attributes
  /** Whose call it is, and who acts for it. Never one of the approvers of it. */
  readonly requester: Pick<Identity, 'key' | 'issuer' | 'subject' | 'tenant' | 'actors'>
  /** The arguments, as the function would get them before anything rewrites them. For approvers alone: it is not in the refusal. */
  readonly input: unknown
  /** Milliseconds since 1970. */
  readonly requestedAt: number
}

/** Who approved a call. */
export interface Approved {
  readonly issuer: string
  readonly subject: string
  /** The approval's own id. */
  readonly id: string
}

/** What `authorize` asks where a permit wants an approval. Made by `approvals`. */
export interface Approvals {
  /**
   * Who approved this very call. Rejects with `approval_required`, naming the request, where nobody did; what it was approved with is
   * used up when the function is about to run.
   */
  require(call: Call & Pick<Known, 'identity'>, step: Step): Promise<Approved>
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0 && value <= 86_400
const checks: Readonly<Record<keyof ApprovalsOptions, Check>> = {
  approvers: [(value) => Array.isArray(value) && value.length > 0 && value.length <= 1_000, 'a list of 1 to 1,000 approvers'],
  onRequest: [optional(isFunction), 'a function'],
  permits: [optional(isFunction), 'a function'],
  maxAge: [optional(isPositive), 'seconds above zero and at most 86,400'],
  store: [optional(hasMethods('add', 'get', 'describe')), 'a StateStore'],
}

/** How long the application's function and the store may take, in milliseconds. */
const patience = 5_000
/** How far the clock of whoever signed may be ahead, and those of instances apart, in milliseconds. */
const tolerance = 60_000

/**
 * Lets people approve single calls: what `authorize` needs to carry out the obligation `require_approval`.
 *
 * A call without an approval is refused with `approval_required` (403), and `headers['approval-request']` names the request, as JSON
 * in base64url: `id`, `digest`, `guard`, `action`, `resource`. The approver signs it (`signApproval`), and the same call comes again with
 * that text in `approvals`, or over HTTP in the field `approval`.
 *
 * An approval is good for one caller, one action, one resource and exactly these arguments, once, and for a short time. It must be
 * signed by a key of an approver who is neither the caller nor anybody who acts for it.
 *
 * ```ts
 * const approving = approvals({ approvers: [{ issuer: 'https://id.example', subject: 'grace', keys: { keys: [publicJwk] } }] })
 * const decided = authorize({ evaluator: policySet(policy), approvals: approving })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function approvals(options: ApprovalsOptions): Approvals {
  return new SignedApprovals(options)
}

class SignedApprovals implements Approvals {
  readonly #keys: ApproverKeys
  readonly #onRequest: NonNullable<ApprovalsOptions['onRequest']> | undefined
  readonly #permits: NonNullable<ApprovalsOptions['permits']>
  /** Milliseconds. */
  readonly #maxAge: number
  readonly #store: StateStore

  constructor(options: ApprovalsOptions) {
    checkOptions('approvals', options, checks)
    const { approvers, onRequest, permits = () => true, maxAge = 900, store = memoryState() } = options
    this.#keys = approverKeys(approvers)
    this.#onRequest = onRequest
    this.#permits = permits
    this.#maxAge = maxAge * 1000
    this.#store = store
  }

  describe(): Readonly<Record<string, unknown>> {
    return { approvers: this.#keys.names, maxAge: this.#maxAge / 1000, store: this.#store.describe() }
  }

  async require(call: Call & Pick<Known, 'identity'>, step: Step): Promise<Approved> {
    const digest = encodeBase64url(await callDigest(call, step.input))
    const request = requestFor(call, digest, step)
    let reason = 'the permit wants an approval, and none came with the call'
    for (const text of step.approvals) {
      const approval = await readApproval(text, this.#keys)
      // What proves something else may come beside it.
      if (approval === 'other') continue
      const complaint =
        approval === undefined
          ? 'the approval is not signed by an approver'
          : (this.#judge(approval, call, request, step.clock) ?? (await this.#complaintOfUse(approval, step.clock)))
      if (complaint !== undefined || approval === undefined) reason = complaint ?? reason
      else {
        // Used up only by a call that is about to run, and by one of several that come at once.
        step.beforeRun(() => this.#use(approval, step.clock))
        return Object.freeze({ issuer: approval.issuer, subject: approval.subject, id: approval.id })
      }
    }
    await this.#tell(request, step.clock)
    const { id, guard, action, resource } = request
    const named = { id, digest, guard, action, resource: { type: resource.type, id: resource.id } }
    throw new GuardError('approval_required', {
      reason,
      headers: { 'approval-request': encodeBase64url(new TextEncoder().encode(JSON.stringify(named))) },
    })
  }

  /** Why an approval is not for this call; undefined where it is. */
  #judge(approval: Approval, { identity, guard }: Call & Pick<Known, 'identity'>, request: ApprovalRequest, clock: Clock): string | undefined {
    const now = clock.now()
    if (approval.digest !== request.digest || approval.guard !== guard) return 'the approval is for another call'
    if (approval.issuedAt > now + tolerance) return 'the approval was signed in the future'
    if (now - approval.issuedAt > this.#maxAge || approval.expiresAt <= now) return 'the approval has expired'
    const isParty = (issuer: string, subject: string): boolean => issuer === approval.issuer && subject === approval.subject
    if (isParty(identity.issuer, identity.subject)) return 'nobody approves for himself'
    // Who acts for the caller wants the call as much as the caller does, whoever vouches for him.
    if (identity.actors.some(({ issuer, subject }) => isParty(issuer ?? identity.issuer, subject))) return 'nobody approves what he does himself'
    const { issuer, subject } = approval
    return this.#permits(Object.freeze({ issuer, subject }), request) === true ? undefined : 'this approver may not approve this'
  }

  /** Why an approval cannot be used: it was, by an earlier call. */
  async #complaintOfUse(approval: Approval, clock: Clock): Promise<string | undefined> {
    const found: unknown = await waitFor(clock, 'The store of used approvals', () => this.#store.get([usedKey(approval)], clock.now()))
    return Array.isArray(found) && found[0] === undefined ? undefined : usedBefore
  }

  // In one step, so that of calls that come at once only one is let through.
  async #use(approval: Approval, clock: Clock): Promise<void> {
    const until = Math.min(approval.expiresAt, approval.issuedAt + this.#maxAge) + tolerance
    const isNew: unknown = await waitFor(clock, 'The store of used approvals', () => this.#store.add(usedKey(approval), until, clock.now()))
    // Anything but a plain yes is a no.
    if (isNew !== true) throw new GuardError('approval_required', { reason: usedBefore })
  }

  async #tell(request: ApprovalRequest, clock: Clock): Promise<void> {
    const tell = this.#onRequest
    if (tell !== undefined) await waitFor(clock, 'onRequest', () => tell(request))
  }
}

const usedBefore = 'the approval was used before'

// The length of each name before it, so that no two approvals are one.
function usedKey({ issuer, subject, id }: Approval): string {
  return `approval:${issuer.length}:${issuer}${subject.length}:${subject}${id}`
}

function requestFor(call: Call & Pick<Known, 'identity'>, digest: string, step: Step): ApprovalRequest {
  const { guard, action, resource, attributes, identity } = call
  return Object.freeze({
    id: call.id,
    digest,
    guard,
    action,
    resource,
    attributes,
    requester: Object.freeze({
      key: identity.key,
      issuer: identity.issuer,
      subject: identity.subject,
      ...(identity.tenant !== undefined && { tenant: identity.tenant }),
      actors: identity.actors,
    }),
    // A copy: whoever shows it must not be able to change what runs.
    input: copyOf(step.input as Json),
    requestedAt: step.clock.now(),
  })
}

function copyOf(input: unknown): unknown {
  return input === undefined ? undefined : structuredClone(input)
}

async function waitFor<T>(clock: Clock, what: string, ask: () => Awaitable<T>): Promise<T> {
  try {
    return await within(clock, patience, what, ask())
  } catch (error) {
    throw isGuardError(error) ? error : new GuardError('keys_unavailable', { reason: `approvals: ${what} failed`, cause: error })
  }
}
