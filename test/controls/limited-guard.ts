import { unaudited } from '../../src/controls/unaudited.ts'
import type { Call, Identity, Json, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn, type Control } from '../../src/guard/control.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { type Guard, guard } from '../../src/guard/guard.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'

export type Identified = Call & Pick<Known, 'entry' | 'identity'>
export type Limited = Control<Identified, Pick<Known, 'quota'>>

/** A guard with one rateLimit between an identity that is believed (the API key is the subject) and a decision that a test sets. */
export interface LimitedGuard {
  readonly guard: Guard<Identified & Pick<Known, 'quota' | 'decision'>>
  readonly clock: TestClock
  readonly errors: unknown[]
  /** What the next decisions say. */
  readonly policy: { denies: boolean; obligations: readonly Obligation[] }
}

/** Makes one. */
export function limitedGuard(limiter: Limited, clock: TestClock = testClock()): LimitedGuard {
  const policy: LimitedGuard['policy'] = { denies: false, obligations: [] }
  const errors: unknown[] = []
  const made = guard({ clock, onError: (error) => void errors.push(error) })
    .use(unaudited())
    .use(believe())
    .use(limiter)
    .use(decideBy(policy))
  return { guard: made, clock, errors, policy }
}

/** Decides what a test says. */
export function decideBy(policy: LimitedGuard['policy']): Control<Identified, Pick<Known, 'decision'>> {
  return builtIn<Identified, Pick<Known, 'decision'>>(
    'authorize',
    {
      enter() {
        if (policy.denies) throw new GuardError('denied')
        return { decision: { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: policy.obligations } }
      },
    },
    { needs: ['identity'], adds: ['decision'] },
    {},
  )
}

/** Takes the API key for the subject. */
export function believe(): Control<Call, Pick<Known, 'identity'>> {
  return builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    {
      enter(call) {
        const subject = call.parent?.identity?.subject ?? call.credentials?.apiKey
        if (subject === undefined) throw new GuardError('identity_missing')
        return { identity: identityOf(subject) }
      },
    },
    { adds: ['identity'] },
    {},
  )
}

function identityOf(subject: string): Identity {
  return {
    key: `1:i${subject}`,
    subject,
    issuer: 'i',
    kind: 'user',
    roles: [],
    scopes: [],
    claims: {},
    actors: [],
    assurance: { amr: [] },
    expiresAt: Number.POSITIVE_INFINITY,
  }
}

/** Credentials that are believed. */
export function as(subject: string): { readonly credentials: { readonly apiKey: string } } {
  return { credentials: { apiKey: subject } }
}

/** A whole chat completion. */
export function completion(content: string, usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }): Json {
  return {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    ...(usage !== undefined && { usage }),
  }
}

/** A part of a streamed chat completion. */
export function chunk(
  delta: { readonly [name: string]: Json },
  usage?: { readonly prompt_tokens: number; readonly completion_tokens: number },
): Json {
  return {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: null }],
    ...(usage !== undefined && { usage }),
  }
}
