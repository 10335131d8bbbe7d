import { type Check, checkOptions, isFunction, optional } from '../../guard/check-options.ts'
import type { Decision } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { ownMember } from '../../policy/policy-request.ts'
import {
  askDecisionPoint,
  authorizationOf,
  below,
  decisionPointUrl,
  type DecisionPointToken,
  isDecisionPointToken,
  understand,
} from '../fetch/ask-decision-point.ts'
import { plainRequest } from '../fetch/plain-request.ts'
import { type OpaNames, readOutcome, undefinedOutcome } from './opa-outcome.ts'

/** Options of `opaRest`. Durations are seconds. */
export interface OpaRestOptions {
  /** Where OPA is: https, or http at a loopback address. */
  readonly url: URL | string
  /** The document that decides, without `data`: `support/authz/decision` for `data.support.authz.decision`. */
  readonly path: string
  /** What OPA knows its client by (`--authentication=token`), or a function that gives it. */
  readonly token?: DecisionPointToken
  /** How long an answer may take, to its last byte; 2 unless given. */
  readonly timeout?: number
  /** How long an answer may be; 65,536 bytes unless given. */
  readonly maxBytes?: number
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
  /** Stands in every decision; `path` unless given. */
  readonly id?: string
  /** Stands in every decision; `unversioned` unless given. */
  readonly version?: string
  /** The types of obligations that the document may give, so that a chain that cannot obey is refused when it is made. */
  readonly obliges?: readonly string[]
}

/** The checks of the options that both ways to OPA have. */
export const opaChecks: Readonly<Record<'id' | 'version' | 'obliges', Check>> = {
  id: [optional(isText), 'a text that is not empty'],
  version: [optional(isText), 'a text that is not empty'],
  obliges: [optional((value) => Array.isArray(value) && value.every(isText)), 'a list of types'],
}

const checks: Readonly<Record<keyof OpaRestOptions, Check>> = {
  url: [(value) => value instanceof URL || typeof value === 'string', 'a URL'],
  path: [isPath, 'names with slashes between them, such as support/authz/decision'],
  token: [optional(isDecisionPointToken), 'a token of printable ASCII, or a function that gives one'],
  timeout: [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a number of seconds above zero'],
  maxBytes: [optional((value) => Number.isSafeInteger(value) && (value as number) > 0), 'a whole number above zero'],
  fetch: [optional(isFunction), 'a function'],
  ...opaChecks,
}

/**
 * Open Policy Agent as a server, behind the port of policy engines: its Data API (`POST /v1/data/<path>`), asked with the request
 * as `input`.
 *
 * The document is `true`, `false`, or an object with `allow` (or `allowed`) and, where there are any, `obligations` and `reasons`
 * (names of rules, or `{ rule, effect }`); anything else refuses. An undefined document denies. A built-in function that fails is an
 * error and refuses (`strict-builtin-errors`): OPA by itself would take the rule that called it for undefined, and a `deny`
 * with it.
 *
 * Refuses (`policy_unavailable`, under a guard) where OPA is away, late, answers with another status than 200, a redirect, more
 * bytes than allowed, or what is no JSON.
 *
 * ```ts
 * const evaluator = opaRest({ url: 'http://127.0.0.1:8181', path: 'support/authz/decision' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function opaRest(options: OpaRestOptions): PolicyEvaluator {
  checkOptions('opaRest', options, checks)
  const { path, token, timeout = 2, maxBytes = 65_536, id = path, version = 'unversioned', obliges } = options
  const base = decisionPointUrl('opaRest: url', options.url)
  const url = below(base, `/v1/data/${path.split('/').map(encodeURIComponent).join('/')}`)
  url.search = 'strict-builtin-errors=true'
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const names: OpaNames = { policy: Object.freeze({ id, version }), rule: path }
  const description = Object.freeze({ kind: 'opa', id, version, url: base.href, path, timeout })
  return Object.freeze({
    async evaluate(request: PolicyRequest, signal?: AbortSignal): Promise<Decision> {
      const body = JSON.stringify({ input: plainRequest(request) })
      const headers = await authorizationOf(token)
      const { status, value } = await askDecisionPoint(url, { fetch, timeout: timeout * 1000, maxBytes, headers, body, signal })
      if (status !== 200) throw new GuardError('policy_unavailable', { reason: `OPA answered with status ${status}` })
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new GuardError('policy_unavailable', { reason: 'OPA answered no object' })
      // `null` is a document; only one that is not there is undefined.
      return Object.hasOwn(value, 'result') ? understand(() => readOutcome(ownMember(value, 'result'), names)) : undefinedOutcome(names)
    },
    ...(obliges !== undefined && { obliges: Object.freeze([...obliges]) }),
    describe: () => description,
  })
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 1_024 && value.split('/').every((name) => /^[\w-]+$/.test(name))
}
