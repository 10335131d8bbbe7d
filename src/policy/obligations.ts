import type { Call, Decision, Identity, Json, Known, Obligation } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { denied } from '../guard/errors.ts'
import type { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { complain, readAnyList, readFields, readMembers, readText, readTexts, shown } from './strict-read.ts'

/** No duty. */
export const noObligations: readonly Obligation[] = Object.freeze([])

/**
 * All duties together: the union. Where two differ only in a number, the stricter one stays (`max_…` the smaller, `min_…`
 * the greater); lists of allowed tools are intersected; what is said twice counts once. In an order that does not depend
 * on the order of the lists. Frozen.
 */
export function mergeObligations(...lists: readonly (readonly Obligation[])[]): readonly Obligation[] {
  const merged = new Map<string, Obligation>()
  for (const list of lists) {
    for (const obligation of list) {
      const key = mergeKey(obligation)
      const known = merged.get(key)
      merged.set(key, known === undefined ? obligation : stricter(known, obligation))
    }
  }
  if (merged.size === 0) return noObligations
  const sorted = [...merged.entries()].sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.freeze(sorted.map(([, obligation]) => obligation))
}

/** Whether two merged lists say the same. */
export function sameObligations(one: readonly Obligation[], other: readonly Obligation[]): boolean {
  return one === other || stableText(one) === stableText(other)
}

// Obligations with one key are merged into one.
function mergeKey(obligation: Obligation): string {
  if (obligation.type === 'allow_tools') return 'allow_tools'
  const { value, ...others } = obligation
  return typeof value === 'number' && direction(obligation.type) !== undefined ? stableText(others) : stableText(obligation)
}

function stricter(one: Obligation, other: Obligation): Obligation {
  if (one.type === 'allow_tools') {
    const allowed = new Set(namesIn(other.value))
    return Object.freeze({ type: one.type, value: Object.freeze(namesIn(one.value).filter((name) => allowed.has(name))) })
  }
  const [a, b] = [one.value, other.value]
  if (typeof a !== 'number' || typeof b !== 'number') return one
  return (direction(one.type) === 'least' ? a <= b : a >= b) ? one : other
}

function direction(type: string): 'least' | 'most' | undefined {
  return type.startsWith('max_') ? 'least' : type.startsWith('min_') ? 'most' : undefined
}

/** The names in a parameter that is one name or a list of them. */
function namesIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}

// One text for one value, whatever the order of its members.
function stableText(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${stableText(member)}`).join(',')}}`
}

/** Reads a duty: the types of this package strictly, others as JSON values. Frozen. @throws TypeError */
export function parseObligation(value: unknown, place: string): Obligation {
  const members = readMembers(value, place)
  const type = readText(members.find(([key]) => key === 'type')?.[1], `${place}.type`)
  const known = Object.hasOwn(parsers, type) ? parsers[type] : undefined
  if (known !== undefined) return Object.freeze({ type, ...known(value, place) })
  return Object.freeze(Object.fromEntries(members.map(([key, member]) => [key, copyJson(member, `${place}['${shown(key)}']`)]))) as Obligation
}

type Parameters = Readonly<Record<string, Json>>

const parsers: Readonly<Record<string, (value: unknown, place: string) => Parameters>> = {
  max_output_tokens(value, place) {
    const tokens = readFields(value, place, ['type', 'value']).value
    if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 1) complain(`${place}.value`, 'must be a whole number above zero')
    return { value: tokens }
  },
  allow_tools(value, place) {
    const tools = readFields(value, place, ['type', 'value']).value
    // No tool at all is a meaningful duty.
    const names = Array.isArray(tools) && readAnyList(tools, `${place}.value`).length === 0 ? [] : readTexts(tools, `${place}.value`)
    if (names.some((name) => name.includes('*'))) complain(`${place}.value`, `tools are named, not matched: no '*'`)
    return { value: Object.freeze([...names].sort()) }
  },
  require_acr: (value, place) => ({ value: readWords(readFields(value, place, ['type', 'value']).value, `${place}.value`) }),
  require_assurance(value, place) {
    const { acr, amr, maxAge, factors } = readFields(value, place, ['type', 'acr', 'amr', 'maxAge', 'factors'])
    if ([acr, amr, maxAge, factors].every((each) => each === undefined)) complain(place, 'must want something: acr, amr, maxAge or factors')
    return {
      ...(acr !== undefined && { acr: readWords(acr, `${place}.acr`) }),
      ...(amr !== undefined && { amr: readWords(amr, `${place}.amr`) }),
      ...(maxAge !== undefined && { maxAge: readSeconds(maxAge, `${place}.maxAge`) }),
      ...(factors !== undefined && { factors: readFactors(factors, `${place}.factors`) }),
    }
  },
  require_binding(value, place) {
    const binding = readFields(value, place, ['type', 'value']).value ?? 'any'
    if (binding !== 'dpop' && binding !== 'mtls' && binding !== 'any') complain(`${place}.value`, 'must be dpop, mtls or any')
    return { value: binding }
  },
  no_stream: readNothing,
  require_approval: readNothing,
  require_passkey: readNothing,
}

// They are written into a challenge, separated by spaces (RFC 9470, section 3).
function readWords(value: unknown, place: string): readonly string[] {
  const words = readTexts(value, place)
  if (words.some((word) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(word)))
    complain(place, 'must be printable ASCII without spaces, quotes and backslashes')
  return Object.freeze([...words].sort())
}

function readSeconds(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) complain(place, 'must be a number of seconds')
  return value
}

function readFactors(value: unknown, place: string): number {
  if (value !== 1 && value !== 2 && value !== 3) complain(place, 'must be 1, 2 or 3')
  return value
}

function readNothing(value: unknown, place: string): Parameters {
  readFields(value, place, ['type'])
  return {}
}

function copyJson(value: unknown, place: string): Json {
  try {
    return snapshotJson(value) as Json
  } catch (error) {
    throw new TypeError(`${place}: must be a JSON value`, { cause: error })
  }
}

/** The obligations that `authorize` carries out itself. */
export const duties: readonly string[] = ['require_acr', 'require_assurance', 'require_binding', 'require_approval', 'no_stream', 'allow_tools']

type Identified = Call & Pick<Known, 'identity'>

/** What a duty wants of an authentication: one of the classes, all of the methods, how lately, and how many factors. */
interface WantedAssurance {
  readonly acr?: readonly string[]
  readonly amr?: readonly string[]
  /** Seconds. */
  readonly maxAge?: number
  readonly factors?: number
}

/** Why a caller does not meet a duty, and the challenge that tells it what would. */
export interface Shortfall {
  readonly code: GuardError['code']
  readonly reason: string
  readonly challenge?: string
}

/** Judges how a caller proved itself. Handed in: policy knows what is wanted, and nothing of how it is proven. */
export interface AuthenticationDuties {
  /** Whether an identity was authenticated as all of these want it. `now` is milliseconds since 1970. */
  assurance(identity: Identity, wanted: readonly WantedAssurance[], now: number): Shortfall | undefined
  binding(identity: Identity, wanted: 'dpop' | 'mtls' | 'any'): Shortfall | undefined
}

/** A decision with the duties of the call that this one is made for: they carry over, and nothing loosens them. */
export function inherit(decision: Decision, call: Call): Decision {
  const inherited = call.parent?.decision?.obligations
  if (inherited === undefined || inherited.length === 0) return decision
  return Object.freeze({ ...decision, obligations: mergeObligations(inherited, decision.obligations) })
}

/**
 * Carries out what can be carried out before the function runs.
 *
 * @param isApproved whether somebody else sees to it that the call is approved, or refuses it.
 * @throws GuardError where a duty is not met.
 */
export function carryOut(decision: Decision, call: Identified, step: Step, authentication: AuthenticationDuties, isApproved: boolean): void {
  const { obligations } = decision
  if (obligations.length === 0) return
  const refuse = ({ code, reason, challenge }: Shortfall): never => {
    throw denied(decision, code, { reason, ...(challenge !== undefined && { headers: { 'www-authenticate': challenge } }) })
  }
  const wanted = wantedAssurances(obligations)
  const unassured = wanted.length === 0 ? undefined : authentication.assurance(call.identity, wanted, step.clock.now())
  if (unassured !== undefined) refuse(unassured)
  for (const obligation of obligations) {
    const { type, value } = obligation
    switch (type) {
      case 'require_acr':
      case 'require_assurance':
        // All of them together, above.
        break
      case 'require_binding': {
        const unbound = authentication.binding(call.identity, wantedBinding(obligation))
        if (unbound !== undefined) refuse(unbound)
        break
      }
      case 'require_approval':
        if (!isApproved) refuse({ code: 'approval_required', reason: 'the permit wants an approval, and nobody here can give one' })
        break
      case 'no_stream':
        if (factsOf(step)?.stream === true) refuse(unmet('a stream is asked for, and the permit forbids streams'))
        break
      case 'allow_tools':
        allowTools(new Set(namesIn(value)), call, step, refuse)
        break
      default:
        continue
    }
    step.fulfill(type)
  }
}

/** Carries out what shows only when there is an answer. @throws GuardError where a duty is not met. */
export function carryOutOnAnswer(decision: Decision, step: Step): void {
  if (step.streamed && decision.obligations.some(({ type }) => type === 'no_stream'))
    throw denied(decision, 'obligation_unmet', { reason: 'the answer is a stream, and the permit forbids streams' })
}

type Refuse = (shortfall: Shortfall) => void

function unmet(reason: string): Shortfall {
  return { code: 'obligation_unmet', reason }
}

/** What some of these duties want of an authentication. */
export function wantedAssurances(obligations: readonly Obligation[]): readonly WantedAssurance[] {
  return obligations.filter(({ type }) => type === 'require_acr' || type === 'require_assurance').map(wantedAssurance)
}

/** How some of these duties want a credential to be bound. */
export function wantedBindings(obligations: readonly Obligation[]): readonly ('dpop' | 'mtls' | 'any')[] {
  return obligations.filter(({ type }) => type === 'require_binding').map(wantedBinding)
}

function wantedBinding({ value }: Obligation): 'dpop' | 'mtls' | 'any' {
  return value === 'dpop' || value === 'mtls' ? value : 'any'
}

// Both say it in their own way; what they hold was read when the policy was.
function wantedAssurance({ type, value, acr, amr, maxAge, factors }: Obligation): WantedAssurance {
  if (type === 'require_acr') return { acr: namesIn(value) }
  return {
    ...(acr !== undefined && { acr: namesIn(acr) }),
    ...(amr !== undefined && { amr: namesIn(amr) }),
    ...(typeof maxAge === 'number' && { maxAge }),
    ...(typeof factors === 'number' && { factors }),
  }
}

function allowTools(allowed: ReadonlySet<string>, call: Identified, step: Step, refuse: Refuse): void {
  const tools = factsOf(step)?.tools
  const run = call.action === 'execute_tool' ? [call.resource.id] : []
  if (tools === undefined && run.length === 0) refuse(unmet('without a codec nobody knows which tools are offered'))
  if ([...(tools ?? []), ...run].some((tool) => !allowed.has(tool))) refuse(unmet('a tool is offered or run that the permit does not allow'))
}

function factsOf({ codec, input }: Step): { readonly tools: readonly string[]; readonly stream: boolean } | undefined {
  return codec === undefined || input === undefined ? undefined : codec.facts(input)
}
