import type { Decision, Identity, Settled } from '../guard/context.ts'
import type { Outcome, Step } from '../guard/control.ts'
import { decisionOf } from '../guard/errors.ts'
import { isGuardError, reasonOf } from '../guard/errors.ts'
import type { CallRecord, DecisionRecord, OutcomeRecord, RecordedContent, RecordedSubject } from './record.ts'
import type { RecordedAttributes } from './recorded-attributes.ts'

// The literals here have their members in sorted order, and members without a value are `undefined`: so the log writes
// them as they are, without building them anew.

/** What a record says beside what call and outcome say. */
export interface RecordDetails {
  /** How many records before this one could not be written. */
  readonly missing?: number | undefined
  /** The keyed digest of the input or of the output. */
  readonly digest?: string | undefined
  /** What is sealed of the input or of the output. */
  readonly content?: RecordedContent | undefined
  /** What policy read. */
  readonly attributes?: RecordedAttributes | undefined
  /** Roles that the caller had for a while only. */
  readonly elevated?: readonly string[] | undefined
  /** Milliseconds from the call's begin until the first part of its answer. */
  readonly first?: number | undefined
}

/** The record of a call that was allowed, or refused with that error. */
export function decisionRecord(call: Settled, step: Step, error: unknown, details: RecordDetails): DecisionRecord {
  const decision = decisionOf(error) ?? call.decision
  const allowed = error === undefined
  const facts = isBlocked(error) ? undefined : factsOf(step)
  const time = step.clock.now()
  return {
    action: call.action,
    allowed,
    approval: approvalOf(decision, error),
    attributes: decision === undefined ? undefined : details.attributes,
    code: isGuardError(error) ? error.code : undefined,
    content: details.content,
    degraded: degradedOf(call, error),
    elapsed: Math.max(0, time - call.startedAt),
    fulfilled: allowed || decision?.allowed === false ? listOf(step.fulfilled) : undefined,
    guard: call.guard,
    id: call.id,
    input: details.digest,
    kind: 'decision',
    limits: call.quota?.limits.map(({ limit, name, remaining, unit }) => ({ limit, name, remaining, unit })),
    masked: call.masked === undefined ? undefined : sortedCounts(call.masked.counts),
    missing: details.missing,
    model: facts?.model,
    obligations: decision === undefined ? undefined : listOf(decision.obligations.map(({ type }) => type)),
    parent: call.parent?.id,
    permitted: allowed ? undefined : whatPolicySaid(decision, error),
    policy: policyOf(decision),
    reason: allowed ? undefined : reasonOf(error) || undefined,
    resource: resourceOf(call, error),
    rules: rulesOf(decision),
    subject: elevatedSubject(subjectOf(call.identity), details.elevated),
    task: call.task,
    time,
    tools: facts === undefined ? undefined : listOf(facts.tools),
    trace: call.trace,
    version: 1,
  }
}

/** The record of how a call ended. */
export function outcomeRecord(
  call: Settled,
  step: Step,
  outcome: Outcome,
  allowed: boolean,
  usage: OutcomeRecord['usage'],
  details: RecordDetails,
): OutcomeRecord {
  const { error } = outcome
  // A call that was allowed and then cut off was decided anew.
  const decision = allowed ? decisionOf(error) : undefined
  return {
    action: call.action,
    allowed,
    code: isGuardError(error) ? error.code : undefined,
    content: details.content,
    degraded: degradedOf(call, error),
    elapsed: Math.round(outcome.elapsed * 1000) / 1000,
    ending: outcome.ending,
    first: details.first,
    guard: call.guard,
    id: call.id,
    kind: 'outcome',
    missing: details.missing,
    notes: listOf(step.notes),
    output: details.digest,
    parent: call.parent?.id,
    parts: outcome.parts,
    policy: policyOf(decision),
    ran: outcome.ran,
    reason: error === undefined ? undefined : reasonOf(error) || undefined,
    resource: resourceOf(call, error),
    rules: rulesOf(decision),
    spent: call.quota?.spent,
    streamed: outcome.streamed,
    subject: subjectOf(call.identity),
    task: call.task,
    time: step.clock.now(),
    trace: call.trace,
    usage,
    version: 1,
  }
}

// What must not be seen may be just what a name in the payload was made of.
function isBlocked(error: unknown): boolean {
  return isGuardError(error) && error.code === 'payload_blocked'
}

function resourceOf({ resource }: Settled, error: unknown): CallRecord['resource'] {
  return { id: isBlocked(error) ? 'withheld' : resource.id, type: resource.type }
}

// Two records a call, and often many calls an identity.
const subjects = new WeakMap<Identity, RecordedSubject>()

function subjectOf(identity: Identity | undefined): RecordedSubject | undefined {
  if (identity === undefined) return undefined
  let subject = subjects.get(identity)
  if (subject === undefined) {
    const { actors, binding, issuer, key, kind, roles, subject: name, tenant, tokenId } = identity
    subject = Object.freeze({
      actors: actors.length === 0 ? undefined : actors.map((actor) => ({ issuer: actor.issuer, subject: actor.subject })),
      binding,
      elevated: undefined,
      issuer,
      key,
      kind,
      roles,
      subject: name,
      tenant,
      token: tokenId,
    })
    subjects.set(identity, subject)
  }
  return subject
}

// Where the code of the refusal does not say it: what else refused, or what policy's denial asked for.
function whatPolicySaid(decision: Decision | undefined, error: unknown): boolean | undefined {
  if (decision?.allowed !== false) return decision?.allowed
  return isGuardError(error) && error.code === 'denied' ? undefined : false
}

function elevatedSubject(subject: RecordedSubject | undefined, elevated: readonly string[] | undefined): RecordedSubject | undefined {
  if (subject === undefined || elevated === undefined || elevated.length === 0) return subject
  return { ...subject, elevated }
}

function policyOf(decision: Decision | undefined): CallRecord['policy'] {
  if (decision === undefined) return undefined
  const { digest, id, version } = decision.policy
  return { digest, id, version }
}

// What was used before approves nothing any more.
function approvalOf(decision: Decision | undefined, error: unknown): DecisionRecord['approval'] {
  if (decision?.approval === undefined || (isGuardError(error) && error.code === 'approval_required')) return undefined
  const { id, issuer, subject } = decision.approval
  return { id, issuer, subject }
}

function rulesOf(decision: Decision | undefined): CallRecord['rules'] {
  return decision?.reasons.map(({ effect, rule }) => ({ effect, rule }))
}

// A refusal by what stands in for a store says so by its problem (section 4 of draft-ietf-httpapi-ratelimit-headers-10).
function degradedOf({ quota }: Settled, error: unknown): true | undefined {
  const type: unknown = isGuardError(error) ? error.problem?.type : undefined
  const isReduced = typeof type === 'string' && type.endsWith('#temporary-reduced-capacity')
  return quota?.degraded === true || isReduced ? true : undefined
}

// A copy: sinks get the record frozen, and the call may go on.
function listOf(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values.slice()
}

function sortedCounts(counts: Readonly<Record<string, number>>): CallRecord['masked'] {
  const names = Object.keys(counts)
  if (names.length === 0) return undefined
  return Object.fromEntries(names.sort().map((name) => [name, counts[name] ?? 0]))
}

// A refusal may come from just the input that cannot be read.
function factsOf(step: Step): { readonly model?: string; readonly tools: readonly string[] } | undefined {
  if (step.codec === undefined || step.input === undefined) return undefined
  try {
    return step.codec.facts(step.input)
  } catch {
    return undefined
  }
}
