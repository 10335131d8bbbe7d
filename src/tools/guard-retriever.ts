import { type Check, checkOptions, isFunction, optional } from '../guard/check-options.ts'
import type { Attributes, Awaitable, Call, Resource } from '../guard/context.ts'
import { asRefusal } from '../guard/refusing.ts'
import { GuardError } from '../guard/errors.ts'
import { type Guard, mediator, type Mediator } from '../guard/guard.ts'
import { liveCall } from '../guard/live-calls.ts'
import { mediate } from '../guard/mediate.ts'
import type { Unprotected } from '../guard/order.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { copyHits, retrieval, type Retrieval } from '../payload/retrieval.ts'
import { type HitRules, permitted } from './permitted-hits.ts'
import { authorityChecks, beside, callFor, checkAuthority, signalsIn, type ToolAuthority } from './tool-authority.ts'

type Search = (query: never, ...more: never[]) => Awaitable<readonly unknown[]>

/** What finds documents: a function of a query, or an object with `invoke` (LangChain) or `retrieve` (LlamaIndex). */
export type Retriever = Search | { readonly invoke: Search } | { readonly retrieve: Search }

type SearchOf<R> = R extends Search ? R : R extends { readonly invoke: infer F } ? F : R extends { readonly retrieve: infer F } ? F : never

/** A hit of a retriever. */
export type HitOf<R> = SearchOf<R> extends (...parameters: never[]) => Awaitable<readonly (infer H)[]> ? H : never

type GuardedSearch<F> = F extends (...parameters: infer P) => infer O ? (...parameters: P) => Promise<Awaited<O>> : never

/** A retriever behind a guard: the same function, or an object with the guarded method and nothing else. */
export type GuardedRetriever<R> = R extends Search
  ? GuardedSearch<R>
  : { readonly [Name in Extract<keyof R, 'invoke' | 'retrieve'>]: GuardedSearch<R[Name]> }

/** Options of `guardRetriever`. */
export interface GuardRetrieverOptions<H = unknown> extends ToolAuthority {
  /** What the retriever is called: the id of the resource of type `retriever`; `retriever` unless given. */
  readonly name?: string
  /**
   * What a hit is to policy, from the application's own knowledge of it; `undefined` drops it. Unless given, a `document` whose id is the hit's
   * `id`, or the `id` or `source` of its `metadata`, and whose properties are its `metadata`. Must not wait.
   */
  readonly resource?: (hit: H) => Resource | undefined
  /** What reading a hit is called; `read` unless given. */
  readonly action?: string
  /** The most hits of one search; 1,000 unless given. More are refused. */
  readonly maxHits?: number
  /** How many questions about hits may be open at once; 16 unless given. */
  readonly concurrency?: number
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const checks: Readonly<Record<keyof GuardRetrieverOptions, Check>> = {
  ...authorityChecks,
  name: [optional(isName), 'a non-empty string'],
  resource: [optional(isFunction), 'a function'],
  action: [optional(isName), 'a non-empty string'],
  maxHits: [optional(isCount), 'a whole number above zero'],
  concurrency: [optional(isCount), 'a whole number above zero'],
}

/**
 * A retriever behind the controls of a guard, which asks policy about each hit and drops what the caller may not read, before a model
 * sees it.
 *
 * - The search is the action `retrieval` on `{ type: 'retriever', id: name }`; each hit is asked about as `read` on its own resource, for the same
 *   caller, within the same call. One decision and one outcome are recorded, with how many hits there were and how many were dropped.
 * - A hit that nobody can name is dropped, and so is one whose permit has duties that the search's own permit does not have. Where policy does not
 *   answer, the search is refused.
 * - Hits come as copies; every text in them goes through the controls. Instances of classes keep their class and lose what is not their own member.
 * - The caller is the call that `onBehalfOf` or `request` names, and never what the query says. Without either nobody is.
 * - The retriever gets, as its second argument, what it was called with and `call` and `signal`.
 *
 * ```ts
 * const search = guardRetriever(base, (query: string) => index.search(query), { onBehalfOf: call })
 * ```
 *
 * Refuses with `payload_too_large` more hits than `maxHits`, and with `payload_unsupported` what is no list.
 *
 * @throws TypeError for an incomplete chain, what is no retriever, and wrong options.
 */
export function guardRetriever<C extends Call, R extends Retriever>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  retriever: R,
  options: GuardRetrieverOptions<HitOf<R>> = {},
): GuardedRetriever<R> {
  checkOptions('guardRetriever', options, checks)
  const { name = 'retriever', resource = documentOf, action = 'read', maxHits = 1_000, concurrency = 16, ...authority } = options
  checkAuthority('guardRetriever', authority)
  const gate: Gate = {
    mediator: mediator(guard, { action: 'retrieval', resource: { type: 'retriever', id: name }, codec: retrieval }, 'value'),
    authority,
    name,
    maxHits,
    // Asked about the engine's own copies of what this retriever gives, which have the members that its hits have.
    rules: { action, resource: resource as HitRules['resource'], concurrency },
  }
  const guarded = (run: unknown) => search(gate, run as (...parameters: readonly unknown[]) => unknown)
  if (typeof retriever === 'function') return guarded(retriever) as unknown as GuardedRetriever<R>
  for (const method of ['invoke', 'retrieve'] as const) {
    const run: unknown = typeof retriever === 'object' && retriever !== null && method in retriever ? retriever[method as keyof R] : undefined
    if (typeof run === 'function') return Object.freeze({ [method]: guarded(run.bind(retriever)) }) as unknown as GuardedRetriever<R>
  }
  throw new TypeError('guardRetriever: give a function, or an object with invoke or retrieve')
}

interface Gate {
  readonly mediator: Mediator
  readonly authority: ToolAuthority
  readonly name: string
  readonly maxHits: number
  readonly rules: HitRules
}

function search({ mediator: { chain, plan }, authority, name, maxHits, rules }: Gate, run: (...parameters: readonly unknown[]) => unknown) {
  return async (query: unknown, extra?: unknown, ...more: readonly unknown[]): Promise<unknown> => {
    const { options, refusal } = callFor(authority, extra, name, signalsIn(extra))
    const copied = attempt(() => snapshotJson(query))
    const source = {
      arrive: () => {
        if (refusal !== undefined) throw refusal
        return nothing
      },
      parse: () => ({ query: copied() }),
    }
    let classes: readonly (object | null)[] = []
    const kept = await mediate(chain, plan, source, options, async (input, call) => {
      const found: unknown = await run((input as Retrieval).query, beside(extra, { call, signal: call.signal }), ...more)
      return ending(call, async () => {
        if (!Array.isArray(found)) throw new GuardError('payload_unsupported', { reason: 'what a retriever gave is no list' })
        if (found.length > maxHits) throw new GuardError('payload_too_large', { reason: `more than ${maxHits} hits` })
        // What policy is asked about is what is handed on.
        const hits = copyHits(found) as readonly unknown[]
        const flags = await permitted(hits, call, rules)
        const shown = hits.filter((_, index) => flags[index] === true)
        classes = found.filter((_, index) => flags[index] === true).map(classOf)
        liveCall(call)?.note(`${hits.length} hits, ${hits.length - shown.length} dropped`)
        return shown
      })
    })
    return (kept as readonly unknown[]).map((hit, index) => withClass(hit, classes[index]))
  }
}

const nothing = Object.freeze({ mediaType: 'application/json', body: new Uint8Array() })

function attempt<T>(read: () => T): () => T {
  try {
    const value = read()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

// What goes wrong here is a refusal of the guard's and no error of the retriever's, and is recorded as one.
async function ending<T>(call: Call, judge: () => Promise<T>): Promise<T> {
  try {
    return await judge()
  } catch (error) {
    const refusal = asRefusal(error)
    liveCall(call)?.step.end(refusal)
    throw refusal
  }
}

/** A document as LangChain and most indexes have it. */
function documentOf(hit: unknown): Resource | undefined {
  if (!isRecord(hit)) return undefined
  const metadata = isRecord(hit.metadata) ? hit.metadata : {}
  const id = [hit.id, metadata.id, metadata.source].find((each) => typeof each === 'string' && each !== '')
  return typeof id === 'string' ? { type: 'document', id, properties: metadata as Attributes } : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function classOf(hit: unknown): object | null {
  const prototype: unknown = typeof hit === 'object' && hit !== null && !Array.isArray(hit) ? Object.getPrototypeOf(hit) : null
  return typeof prototype === 'object' && prototype !== Object.prototype ? prototype : null
}

function withClass(hit: unknown, prototype: object | null | undefined): unknown {
  return isRecord(hit) && prototype !== null && prototype !== undefined
    ? (Object.create(prototype, Object.getOwnPropertyDescriptors({ ...hit })) as unknown)
    : hit
}
