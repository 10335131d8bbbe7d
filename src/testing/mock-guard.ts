import type { Call, Decision, Identity, Known, Masked, Quota, Resource } from '../guard/context.ts'
import { builtIn, type Outcome } from '../guard/control.ts'
import { GuardError, type GuardErrorCode } from '../guard/errors.ts'
import { makeIdentity } from '../identity/make-identity.ts'
import { type Guard, guard, type GuardOptions, withMembers } from '../guard/guard.ts'

/** The controls that a mock guard stands in for, by the names of their factories. */
export type MockedControl = 'audit' | 'verifyIdentity' | 'rateLimit' | 'authorize' | 'maskData'

/** What the stubbed controls of a mock guard say. */
export interface MockVerdicts {
  readonly identity?: Partial<Identity>
  readonly decision?: Partial<Decision>
  readonly quota?: Quota
  readonly masked?: Masked
}

/** A call that a mock guard has seen. */
export interface MockCall {
  readonly id: string
  readonly action: string
  readonly resource: Resource
  /** The engine's copy of the input; undefined where it could not be read. */
  readonly input: unknown
  readonly identity: Identity | undefined
  /** How it ended; undefined while it runs. */
  readonly outcome: Outcome | undefined
}

/** A guard for the tests of an application: everything is permitted until a test says otherwise. */
export interface MockGuard extends Guard<Call & Omit<Known, 'sealed'>> {
  /** The calls so far, oldest first. */
  readonly calls: readonly MockCall[]
  /** From now on this control refuses with that code. */
  refuse(control: MockedControl, code: GuardErrorCode): void
  /** From now on the controls say this, and nothing is refused. */
  permit(verdicts?: MockVerdicts): void
}

/**
 * A guard with every control stubbed, so that the tests of an application need no tokens, keys or stores.
 *
 * ```ts
 * const mock = mockGuard({ identity: { subject: 'ada', roles: ['analyst'] } })
 * const chat = makeChat(mock)
 * mock.refuse('rateLimit', 'limit_exceeded')
 * await assert.rejects(chat('hello'), { code: 'limit_exceeded' })
 * assert.equal(mock.calls.length, 1)
 * ```
 */
export function mockGuard(verdicts: MockVerdicts = {}, options: GuardOptions = {}): MockGuard {
  let said = verdicts
  let refusal: { readonly control: MockedControl; readonly code: GuardErrorCode } | undefined
  const calls: MockCall[] = []
  const places = new Map<string, number>()
  const stub = <Adds extends object>(name: MockedControl, adds: keyof Adds & string, say: () => Adds) =>
    builtIn<Call, Adds>(
      name,
      {
        enter: () => {
          if (refusal?.control === name) throw new GuardError(refusal.code, { reason: 'the test says so' })
          return say()
        },
      },
      { adds: [adds], fulfills: [] },
      name === 'authorize' ? { asks: () => mockDecision(said.decision) } : {},
    )
  const audit = builtIn<Call, Pick<Known, 'entry'>>(
    'audit',
    {
      enter(call) {
        places.set(call.id, calls.length)
        calls.push({ id: call.id, action: call.action, resource: call.resource, input: undefined, identity: undefined, outcome: undefined })
        if (refusal?.control === 'audit') throw new GuardError(refusal.code, { reason: 'the test says so' })
        return { entry: { id: call.id } }
      },
      leave(outcome, _context, call, step) {
        const place = places.get(call.id) ?? 0
        calls[place] = { id: call.id, action: call.action, resource: call.resource, input: step.input, identity: call.identity, outcome }
      },
    },
    { adds: ['entry'] },
    {},
  )
  const chain = guard({ name: 'mock', ...options })
    .use(audit)
    .use(stub<Pick<Known, 'identity'>>('verifyIdentity', 'identity', () => ({ identity: mockIdentity(said.identity) })))
    .use(stub<Pick<Known, 'quota'>>('rateLimit', 'quota', () => ({ quota: said.quota ?? { limits: [] } })))
    .use(stub<Pick<Known, 'decision'>>('authorize', 'decision', () => ({ decision: mockDecision(said.decision) })))
    .use(stub<Pick<Known, 'masked'>>('maskData', 'masked', () => ({ masked: said.masked ?? { counts: {} } })))
  return withMembers(chain, {
    calls,
    refuse(control: MockedControl, code: GuardErrorCode) {
      refusal = { control, code }
    },
    permit(next: MockVerdicts = {}) {
      refusal = undefined
      said = next
    },
  })
}

function mockIdentity({ subject = 'mock', issuer = 'https://issuer.example', ...parts }: Partial<Identity> = {}): Identity {
  return makeIdentity({ subject, issuer, expiresAt: Number.POSITIVE_INFINITY, ...parts })
}

function mockDecision(partial: Partial<Decision> = {}): Decision {
  return Object.freeze({ allowed: true, policy: { id: 'mock', version: '1' }, reasons: [], obligations: [], ...partial })
}
