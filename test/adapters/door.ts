import type { Codec, Text } from '../../src/guard/codec.ts'
import type { Call, Known, Quota } from '../../src/guard/context.ts'
import { builtIn, type Control, control, type Outcome } from '../../src/guard/control.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { type Guard, guard, type GuardOptions } from '../../src/guard/guard.ts'
import { identityOf } from './identity-of.ts'

/** A call as the stand-in of `audit` saw it. */
export interface Seen {
  readonly action: string
  readonly resource: string
  readonly subject: string | undefined
  readonly url: string | undefined
  readonly remoteAddress: string | undefined
  readonly secure: boolean | undefined
  readonly outcome: Outcome
}

/** What the stand-ins do. */
export interface DoorOptions extends GuardOptions {
  /** Policy says no. */
  readonly deny?: boolean
  readonly quota?: Quota
  /** Subjects whose requests are over the limit. */
  readonly limited?: string
  /** Whether texts are written in capitals, on their way in and out. */
  readonly shouts?: boolean
  /** Stops the running call with this, before the given part. */
  readonly endAt?: { readonly part: number; readonly error: GuardError }
}

/** A guard with stand-ins for the controls that a chain must have, and what became of its calls. */
export interface Door {
  readonly guard: Guard<Call & Pick<Known, 'entry' | 'identity' | 'quota' | 'decision'>>
  readonly seen: Seen[]
  /** What `onError` was told. */
  readonly told: unknown[]
  /** Resolves when that many calls have ended. */
  ended(count: number): Promise<Seen>
}

/** Callers prove themselves with `Bearer <name>`; `Bearer bad` and whatever has a comma in it is refused. */
export function door(options: DoorOptions = {}): Door {
  const { deny = false, quota, limited, shouts = false, endAt, ...rest } = options
  const seen: Seen[] = []
  const told: unknown[] = []
  const waiting: (() => void)[] = []
  const audit = builtIn<Call, Pick<Known, 'entry'>>(
    'audit',
    {
      enter: (call) => ({ entry: { id: call.id } }),
      leave(outcome, _context, call) {
        const { action, resource, identity, channel } = call
        seen.push({
          action,
          resource: resource.id,
          subject: identity?.subject,
          url: channel?.url,
          remoteAddress: channel?.remoteAddress,
          secure: channel?.secure,
          outcome,
        })
        for (const task of waiting.splice(0)) task()
      },
    },
    { adds: ['entry'] },
    {},
  )
  const identity = builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    {
      enter(call) {
        if (call.parent?.identity !== undefined) return { identity: call.parent.identity }
        const { authorization, apiKey } = call.credentials ?? {}
        const presented = apiKey ?? authorization
        if (presented === undefined) throw new GuardError('identity_missing', { headers: { 'www-authenticate': 'Bearer' } })
        if (presented.includes(',') || presented === 'Bearer bad')
          throw new GuardError('identity_invalid', { reason: `secret reason`, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
        return { identity: identityOf(presented.replace(/^Bearer /, '')) }
      },
    },
    { adds: ['identity'] },
    {},
  )
  const rateLimit = builtIn<Call & Pick<Known, 'identity'>, Pick<Known, 'quota'>>(
    'rateLimit',
    {
      enter(call) {
        if (call.identity.subject === limited)
          throw new GuardError('limit_exceeded', { headers: { 'retry-after': '7', ratelimit: '"minute";r=0;t=7' } })
        return { quota: quota ?? { limits: [] } }
      },
      response: (parts, _context, _call, step) => (endAt === undefined ? parts : stopping(parts, () => step.end(endAt.error), endAt.part)),
    },
    { adds: ['quota'], needs: ['identity'] },
    {},
  )
  const decision = builtIn<Call & Pick<Known, 'identity'>, Pick<Known, 'decision'>>(
    'authorize',
    {
      enter() {
        if (deny) throw new GuardError('denied', { reason: 'rule secret-rule' })
        return { decision: { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] } }
      },
    },
    { adds: ['decision'], needs: ['identity'] },
    {},
  )
  const chain = guard({ onError: (error) => told.push(error), ...rest })
    .use(audit)
    .use(identity)
    .use(rateLimit)
    .use(decision)
  return {
    guard: shouts ? chain.use(capitals()) : chain,
    seen,
    told,
    async ended(count) {
      while (seen.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
      return seen[count - 1] as Seen
    },
  }
}

/** A control of one's own that writes every text in capitals; names and labels are not its to change. */
export function capitals(): Control {
  const raise = (codec: Codec | undefined, texts: readonly Text[]): string[] => {
    if (codec === undefined) throw new TypeError('no codec')
    return texts.map(({ value, kind }) => (kind === 'identifier' ? value : value.toUpperCase()))
  }
  return control('capitals', {
    request: (input, _context, _call, { codec }) => codec?.replace(input, raise(codec, codec.texts(input))),
    async *response(parts, _context, _call, { codec }) {
      for await (const part of parts) yield codec?.answer.replace(part, raise(codec, codec.answer.texts(part)))
    },
  })
}

async function* stopping(parts: AsyncIterable<unknown>, stop: () => void, at: number): AsyncGenerator<unknown> {
  let count = 0
  for await (const part of parts) {
    if (count++ === at) stop()
    yield part
  }
}
