import type { Awaitable, Call, Decision, Resource, Settled } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { askWithin } from '../guard/questions.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import { mergeObligations, sameObligations } from '../policy/obligations.ts'

/** How things within one call are put to policy. */
export interface HitRules {
  readonly action: string
  /** What a thing is to policy; undefined where nobody can tell, and it is left out. */
  readonly resource: (hit: unknown) => Resource | undefined
  /** How many questions may be open at once. */
  readonly concurrency: number
}

/**
 * Which of these policy lets this caller have, each asked about by itself: a flag for each. A permit whose duties were not those of the call
 * itself lets nothing through, since nobody would carry them out.
 *
 * @throws GuardError where policy does not answer: then nobody knows what may be shown.
 */
export async function permitted(hits: readonly unknown[], call: Call, { action, resource, concurrency }: HitRules): Promise<readonly boolean[]> {
  const flags = new Array<boolean>(hits.length).fill(false)
  const open = new Set<Promise<void>>()
  for (const [index, hit] of hits.entries()) {
    if (call.signal.aborted) throw new GuardError('aborted', { reason: 'the call ended while policy was asked about hits' })
    const about = resourceOf(hit, resource)
    if (about === undefined) continue
    const answer: Awaitable<Decision> = askWithin(call, action, about)
    if (!isThenable(answer)) {
      flags[index] = covers(call, answer)
      continue
    }
    const asking: Promise<void> = answer.then((decision) => {
      flags[index] = covers(call, decision)
      open.delete(asking)
    })
    open.add(asking)
    // Waited for below; until then its failure must not end the process.
    asking.catch(() => {})
    if (open.size >= concurrency) await Promise.race(open)
  }
  await Promise.all(open)
  return flags
}

function resourceOf(hit: unknown, resource: HitRules['resource']): Resource | undefined {
  let about: unknown
  try {
    about = resource(hit)
  } catch (error) {
    throw new GuardError('misconfigured', { reason: 'what a hit is could not be told', cause: error })
  }
  if (isThenable(about)) {
    abandon(about)
    throw new GuardError('misconfigured', { reason: 'what a hit is must not be told later' })
  }
  return isResource(about) ? about : undefined
}

// Anything else is nothing that a rule could be about.
function isResource(value: unknown): value is Resource {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('id' in value)) return false
  return typeof value.type === 'string' && value.type !== '' && typeof value.id === 'string' && value.id !== ''
}

function covers(call: Settled, { allowed, obligations }: Decision): boolean {
  if (allowed !== true) return false
  const carriedOut = call.decision?.obligations ?? []
  return obligations.length === 0 || sameObligations(mergeObligations(carriedOut, obligations), carriedOut)
}
