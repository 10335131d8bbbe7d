import { type Check, checkOptions, hasMethods, isFunction, optional } from '../../guard/check-options.ts'
import type { Awaitable, Decision } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { ownMember } from '../../policy/policy-request.ts'
import { understand } from '../fetch/ask-decision-point.ts'
import { plainRequest } from '../fetch/plain-request.ts'
import { type OpaNames, readOutcome, undefinedOutcome } from './opa-outcome.ts'
import { opaChecks } from './opa-rest.ts'

/** What of a loaded policy is used: what `loadPolicy` of `@open-policy-agent/opa-wasm` gives. */
export interface OpaPolicy {
  /** Evaluates an entrypoint; gives a list of results, which is empty where the document is undefined. */
  evaluate(input: unknown, entrypoint?: string | number): unknown
  /** The entrypoints of the module, by name. */
  readonly entrypoints: Readonly<Record<string, number>>
  /** Replaces the data that the policy reads. */
  setData(data: object): void
}

/** Options of `opaWasm`. */
export interface OpaWasmOptions {
  /**
   * Loads the policy: `() => loadPolicy(bytes)`. Called at the first decision, and again after the module has failed, since what is in
   * its memory then is anybody's guess. Nobody else may have what it gives.
   */
  readonly load: () => Awaitable<OpaPolicy>
  /** The document that decides, as it was compiled (`opa build -t wasm -e support/authz/decision`). */
  readonly entrypoint: string
  /** What the policy reads as `data`; copied. */
  readonly data?: Readonly<Record<string, unknown>>
  /** Stands in every decision; `entrypoint` unless given. */
  readonly id?: string
  /** Stands in every decision; `unversioned` unless given. */
  readonly version?: string
  /** The types of obligations that the document may give, so that a chain that cannot obey is refused when it is made. */
  readonly obliges?: readonly string[]
}

const checks: Readonly<Record<keyof OpaWasmOptions, Check>> = {
  load: [isFunction, 'a function that loads the policy'],
  entrypoint: [(value) => typeof value === 'string' && value !== '', 'the name of an entrypoint'],
  data: [optional((value) => typeof value === 'object' && value !== null && !Array.isArray(value)), 'an object'],
  ...opaChecks,
}

/**
 * A policy of Open Policy Agent that was compiled to WebAssembly, behind the port of policy engines, on
 * `@open-policy-agent/opa-wasm`. The request is the `input`; the document is read as `opaRest` reads it.
 *
 * A decision is made in this process and cannot be interrupted. A module has no `strict-builtin-errors`: a rule that calls a built-in
 * function which fails is undefined, and a `deny` with it. Write policies in which what is undefined permits nothing.
 *
 * Refuses (`policy_unavailable`, under a guard) where the module cannot be loaded, has no such entrypoint, fails or answers anything
 * else.
 *
 * ```ts
 * const evaluator = opaWasm({ load: () => loadPolicy(bytes), entrypoint: 'support/authz/decision' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function opaWasm(options: OpaWasmOptions): PolicyEvaluator {
  checkOptions('opaWasm', options, checks)
  const { load, entrypoint, id = entrypoint, version = 'unversioned', obliges } = options
  const data = options.data === undefined ? undefined : copyData(options.data)
  const names: OpaNames = { policy: Object.freeze({ id, version }), rule: entrypoint }
  const description = Object.freeze({ kind: 'opa-wasm', id, version, entrypoint })
  const nothing = undefinedOutcome(names)
  let policy: OpaPolicy | undefined
  let loading: Promise<OpaPolicy> | undefined

  const ready = async (): Promise<OpaPolicy> => {
    const loaded = await load()
    if (!isPolicy(loaded)) throw failed('what was loaded is no policy')
    const number = Object.hasOwn(loaded.entrypoints, entrypoint) ? loaded.entrypoints[entrypoint] : undefined
    if (typeof number !== 'number') throw failed('the module has no such entrypoint')
    if (data !== undefined) loaded.setData(data)
    policy = loaded
    return loaded
  }

  const decide = (loaded: OpaPolicy, input: PolicyRequest): Decision => {
    let results: unknown
    try {
      results = loaded.evaluate(input, entrypoint)
    } catch (error) {
      if (policy === loaded) policy = undefined
      throw failed('the module failed', error)
    }
    if (!Array.isArray(results) || results.length > 1) throw failed('the module gave no list of one result')
    if (results.length === 0) return nothing
    const [result] = results as readonly unknown[]
    if (typeof result !== 'object' || result === null || !Object.hasOwn(result, 'result')) throw failed('the module gave a result without one')
    return understand(() => readOutcome(ownMember(result, 'result'), names))
  }

  return Object.freeze({
    evaluate(request: PolicyRequest): Awaitable<Decision> {
      const input = plainRequest(request)
      if (policy !== undefined) return decide(policy, input)
      loading ??= ready().finally(() => {
        loading = undefined
      })
      return loading.then((loaded) => decide(loaded, input))
    },
    ...(obliges !== undefined && { obliges: Object.freeze([...obliges]) }),
    describe: () => description,
  })
}

const isPolicyObject = hasMethods('evaluate', 'setData')

function isPolicy(value: unknown): value is OpaPolicy {
  return isPolicyObject(value) && typeof (value as Partial<OpaPolicy>).entrypoints === 'object' && (value as Partial<OpaPolicy>).entrypoints !== null
}

function copyData(data: object): object {
  try {
    return snapshotJson(data) as object
  } catch (error) {
    throw new TypeError('opaWasm: data: must be a JSON value', { cause: error })
  }
}

function failed(reason: string, cause?: unknown): GuardError {
  return new GuardError('policy_unavailable', { reason: `OPA: ${reason}`, cause })
}
