import type { Call, Known } from '../../src/guard/context.ts'
import { builtIn, type Control, control } from '../../src/guard/control.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { type Guard, guard, type GuardOptions } from '../../src/guard/guard.ts'
import { mockGuard } from '../../src/testing/mock-guard.ts'

/** How one phase of a traced control behaves. */
export type Behaviour = 'absent' | 'sync' | 'async' | 'refuse' | 'throw'

/** How a traced control behaves. */
export interface Behaviours {
  readonly enter: Behaviour
  readonly request: Behaviour
  readonly response: Behaviour
  readonly leave: Behaviour
  /** Before which part `response` throws, where it does. */
  readonly at: number
}

/** One thing that a chain did. */
export interface Event {
  readonly phase: 'enter' | 'request' | 'run' | 'part' | 'leave'
  readonly control: number
  readonly detail?: unknown
}

/** A guard that may protect, with nothing in it that decides. */
export function openGuard(options: GuardOptions = {}): Guard<Call & Omit<Known, 'sealed'>> {
  return mockGuard({}, { onError: () => {}, ...options })
}

function act(behaviour: Behaviour): void | Promise<void> {
  if (behaviour === 'refuse') throw new GuardError('denied', { reason: 'a traced control refuses' })
  if (behaviour === 'throw') throw new Error('a traced control breaks')
  if (behaviour === 'async') return Promise.resolve()
}

/** A control of one's own that writes down what is done with it. */
export function traced(place: number, behaviours: Behaviours, trace: Event[]): Control {
  const { enter, request, response, leave, at } = behaviours
  return control(`traced-${place}`, {
    ...(enter !== 'absent' && {
      enter: () => {
        trace.push({ phase: 'enter', control: place })
        return act(enter)
      },
    }),
    ...(request !== 'absent' && {
      request: (input: unknown) => {
        trace.push({ phase: 'request', control: place, detail: input })
        return act(request)
      },
    }),
    ...(response !== 'absent' && {
      async *response(parts: AsyncIterable<unknown>) {
        let count = 0
        for await (const part of parts) {
          if (count++ === at) await act(response)
          trace.push({ phase: 'part', control: place, detail: part })
          yield part
        }
      },
    }),
    leave: (outcome) => {
      trace.push({ phase: 'leave', control: place, detail: outcome })
      return act(leave)
    },
  })
}

/** Stand-ins for the three controls without which nothing is protected, in the given order of names. */
export function standIns(): {
  readonly audit: Control<Call, Pick<Known, 'entry'>>
  readonly identity: Control<Call, Pick<Known, 'identity'>>
  readonly decision: Control<Call & Pick<Known, 'identity'>, Pick<Known, 'decision'>>
} {
  return {
    audit: builtIn<Call, Pick<Known, 'entry'>>('audit', { enter: (call) => ({ entry: { id: call.id } }) }, { adds: ['entry'] }, {}),
    identity: builtIn<Call, Pick<Known, 'identity'>>('verifyIdentity', { enter: () => ({ identity: someone }) }, { adds: ['identity'] }, {}),
    decision: builtIn<Call & Pick<Known, 'identity'>, Pick<Known, 'decision'>>(
      'authorize',
      { enter: () => ({ decision: permit }) },
      { needs: ['identity'], adds: ['decision'] },
      {},
    ),
  }
}

const someone: Known['identity'] = {
  key: '1:i1:s',
  subject: 's',
  issuer: 'i',
  kind: 'user',
  roles: [],
  scopes: [],
  claims: {},
  actors: [],
  assurance: { amr: [] },
  expiresAt: Number.POSITIVE_INFINITY,
}
const permit: Known['decision'] = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }

/** A guard of the three stand-ins. */
export function bareGuard(options: GuardOptions = {}): Guard<Call & Pick<Known, 'entry' | 'identity' | 'decision'>> {
  const { audit, identity, decision } = standIns()
  return guard({ onError: () => {}, ...options })
    .use(audit)
    .use(identity)
    .use(decision)
}

/** Parts as one of the forms that a function may give a stream in. */
export function asStream(
  parts: readonly unknown[],
  form: 'generator' | 'readable',
  failAfter?: number,
): AsyncIterable<unknown> | ReadableStream<unknown> {
  async function* generate(): AsyncGenerator<unknown> {
    for (const [index, part] of parts.entries()) {
      if (index === failAfter) throw new Error('upstream broke')
      yield part
    }
    if (failAfter !== undefined && failAfter >= parts.length) throw new Error('upstream broke')
  }
  if (form === 'generator') return generate()
  const source = generate()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await source.return(undefined)),
  })
}
