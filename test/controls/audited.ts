import type { AuditLog } from '../../src/audit-log/audit-log.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import type { AuditRecord, DecisionRecord, OutcomeRecord, RefusalsRecord } from '../../src/audit-log/record.ts'
import { type AuditOptions, audit } from '../../src/controls/audit.ts'
import type { Codec } from '../../src/guard/codec.ts'
import type { Call, Decision, Identity, Known } from '../../src/guard/context.ts'
import { builtIn, type Control, type Phases } from '../../src/guard/control.ts'
import { denied } from '../../src/guard/errors.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { type Guard, guard, type GuardOptions } from '../../src/guard/guard.ts'
import { snapshotJson } from '../../src/guard/snapshot.ts'

/** The token that a caller of these guards presents; its subject is what stands behind the dash. */
export const tokenOf = (subject: string): string => `Bearer secret-${subject}`

const policy = { id: 'support', version: '7' }

/**
 * A guard with a real `audit` and, behind it, controls that stand for those of the other domains: they know a caller by a
 * token, refuse who is called `eve` with a rule, and add what the real ones add.
 */
export function audited(
  options: AuditOptions,
  more: Control[] = [],
  settings: GuardOptions = {},
  outer: Control[] = [],
): Guard<Call & Pick<Known, 'entry' | 'identity' | 'quota' | 'decision' | 'masked'>> {
  let chain: unknown = guard({ name: 'bot', onError: () => {}, ...settings })
  for (const control of [...outer, audit(options), identify, meter, decide, mask, ...more]) chain = (chain as Guard).use(control as never)
  return chain as never
}

const identify: Control = builtIn<Call, Pick<Known, 'identity'>>(
  'verifyIdentity',
  {
    enter(call) {
      if (call.parent?.identity !== undefined) return { identity: call.parent.identity }
      const [, subject] = /^Bearer secret-(\w+)$/.exec(call.credentials?.authorization ?? '') ?? []
      if (subject === undefined)
        throw new GuardError(call.credentials === undefined ? 'identity_missing' : 'identity_invalid', { reason: 'no such token' })
      return { identity: identityOf(subject) }
    },
  },
  { adds: ['identity'] },
  {},
)

const meter: Control = builtIn<Call, Pick<Known, 'quota'>>(
  'rateLimit',
  { enter: () => ({ quota: { limits: [{ name: 'minute', limit: 60, remaining: 59, reset: 1 }] } }) },
  { adds: ['quota'], fulfills: ['max_output_tokens'] },
  {},
)

const decide: Control = builtIn<Call, Pick<Known, 'decision'>>(
  'authorize',
  {
    enter(call, step) {
      const { identity } = call as Call & Partial<Known>
      if (identity?.subject === 'eve') throw denied({ allowed: false, policy, reasons: [{ rule: 'no-eve', effect: 'forbid' }], obligations: [] })
      step.fulfill('max_output_tokens')
      const decision: Decision = {
        allowed: true,
        policy,
        reasons: [{ rule: 'all-but-eve', effect: 'permit' }],
        obligations: [{ type: 'max_output_tokens', value: 5 }],
      }
      return { decision }
    },
  },
  { adds: ['decision'] },
  {},
)

const mask: Control = builtIn<Call, Pick<Known, 'masked'>>(
  'maskData',
  { enter: () => ({ masked: { counts: { PHONE: 1, EMAIL: 2 } } }) },
  { adds: ['masked'] },
  {},
)

export function identityOf(subject: string): Identity {
  return {
    key: `18:https://id.example${subject}`,
    subject,
    issuer: 'https://id.example',
    kind: 'user',
    tenant: 'acme',
    roles: ['analyst'],
    scopes: [],
    claims: { email: 'claim@secret.example' },
    actors: [{ subject: 'agent-1' }],
    assurance: { amr: [] },
    binding: 'dpop',
    expiresAt: Number.POSITIVE_INFINITY,
    tokenId: `token-of-${subject}`,
  }
}

/** A control of one's own with these phases. */
export function own(phases: Phases<Call, object>): Control {
  return builtIn('own', phases, {}, {})
}

/** Reads `{ model, text }` in, and `{ text, usage? }` out. */
export const stubCodec: Codec = {
  name: 'stub',
  snapshot: (input) => snapshotJson(input),
  facts: (input) => ({ model: (input as { model: string }).model, tools: ['search'], stream: false, choices: 1, opaque: [] }),
  texts: () => [],
  replace: (input) => input,
  answer: {
    snapshot: (part) => snapshotJson(part),
    texts: () => [],
    replace: (part) => part,
    ends: () => [],
    carry: (like) => like,
    assemble: (parts) => parts,
    usage: (part) => (part as { usage?: { inputTokens: number; outputTokens: number } }).usage,
  },
}

/** The records of calls in a log, by the call's id. */
export function byCall(records: readonly AuditRecord[]): Map<string, { decisions: DecisionRecord[]; outcomes: OutcomeRecord[] }> {
  const calls = new Map<string, { decisions: DecisionRecord[]; outcomes: OutcomeRecord[] }>()
  for (const record of records) {
    if (record.kind !== 'decision' && record.kind !== 'outcome') continue
    const call = calls.get(record.id) ?? { decisions: [], outcomes: [] }
    calls.set(record.id, call)
    if (record.kind === 'decision') call.decisions.push(record)
    else call.outcomes.push(record)
  }
  return calls
}

/** The one decision and the one outcome in a log of one call. */
export function pairOf(records: readonly AuditRecord[]): { decision: DecisionRecord; outcome: OutcomeRecord } {
  const [decision, outcome, ...more] = records
  if (decision?.kind !== 'decision' || outcome?.kind !== 'outcome' || more.length > 0 || decision.id !== outcome.id)
    throw new Error(`no decision and outcome of one call: ${JSON.stringify(records)}`)
  return { decision, outcome }
}

export function refusalsIn(records: readonly AuditRecord[]): RefusalsRecord[] {
  return records.filter((record) => record.kind === 'refusals')
}

/** A log whose appends wait until they are let go. */
export function heldLog(): AuditLog & { readonly entries: readonly AuditRecord[]; readonly waiting: number; letGo(): void } {
  const log = memoryLog()
  let gates: (() => void)[] = []
  return {
    get entries() {
      return log.entries
    },
    get waiting() {
      return gates.length
    },
    letGo() {
      const open = gates
      gates = []
      for (const gate of open) gate()
    },
    async append(record) {
      const receipt = await log.append(record)
      await new Promise<void>((resolve) => gates.push(resolve))
      return receipt
    },
    checkpoint: () => log.checkpoint(),
    prove: (index) => log.prove(index),
    close: () => log.close(),
    describe: () => log.describe(),
  }
}
