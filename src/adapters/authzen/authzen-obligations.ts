import type { Obligation } from '../../guard/context.ts'
import { mergeObligations, noObligations, parseObligation } from '../../policy/obligations.ts'
import { complain, type Place, readAnyList, readMembers, readText, readTexts } from '../../policy/strict-read.ts'

/** Whose `custom` obligations are ours. */
const vendor = 'sallyport'

/** The types that the profile itself defines and that are no others of ours. */
const profileTypes: readonly string[] = ['notification', 'session_termination', 'custom']

/**
 * Duties as the obligations profile of AuthZEN writes them (`context.obligations`, draft 1). What a caller must prove anew becomes
 * `step-up` where the profile can say it; types of this package that the profile does not know become `custom`, which a client
 * that does not know them must treat as a denial.
 */
export function obligationsToWire(obligations: readonly Obligation[]): readonly Readonly<Record<string, unknown>>[] {
  return obligations.map((obligation, index) => ({ id: `obl-${index + 1}`, ...toWire(obligation) }))
}

/** The types that a decision point says it may issue (`obligations_supported`), for duties of these types. */
export function typesOnWire(types: readonly string[]): readonly string[] {
  const wire = types.flatMap((type) =>
    type === 'require_acr' || type === 'require_assurance' ? ['step-up', 'custom'] : profileTypes.includes(type) ? [type] : ['custom'],
  )
  return [...new Set(wire)].sort()
}

function toWire(obligation: Obligation): Readonly<Record<string, unknown>> {
  const { type, value, acr, amr, ...others } = obligation
  if (profileTypes.includes(type)) return obligation
  const wanted = onlyOne(type === 'require_acr' ? value : type === 'require_assurance' ? acr : undefined)
  if (wanted !== undefined && Object.keys(others).length === 0 && (type === 'require_assurance' ? value : (acr ?? amr)) === undefined)
    return { type: 'step-up', acr_value: wanted, ...(amr !== undefined && { amr_values: amr }) }
  return { type: 'custom', vendor, obligation }
}

function onlyOne(value: unknown): string | undefined {
  const [first, ...others] = Array.isArray(value) ? (value as readonly unknown[]) : [value]
  return typeof first === 'string' && others.length === 0 ? first : undefined
}

/**
 * The duties in an answer's `context.obligations`. `step-up` becomes `require_assurance`; `custom` of this package becomes what it
 * holds; others keep their type and lose their `id`, which is another at each answer.
 *
 * @throws TypeError that names the place and no value, for what is no list of obligations.
 */
export function obligationsFromWire(value: unknown, place: Place): readonly Obligation[] {
  if (value === undefined) return noObligations
  return mergeObligations(readAnyList(value, place).map((one, index) => fromWire(one, `context.obligations[${index}]`)))
}

function fromWire(value: unknown, place: string): Obligation {
  const members = new Map(readMembers(value, place))
  const type = readText(members.get('type'), `${place}.type`)
  if (members.has('id')) readText(members.get('id'), `${place}.id`)
  members.delete('id')
  if (type === 'step-up') {
    const acr = readText(members.get('acr_value'), `${place}.acr_value`)
    const amr = members.get('amr_values')
    return parseObligation({ type: 'require_assurance', acr, ...(amr !== undefined && { amr: readTexts(amr, `${place}.amr_values`) }) }, place)
  }
  if (type === 'custom' && members.get('vendor') === vendor) {
    if (members.size !== 3) complain(place, 'has members that are not understood')
    return parseObligation(members.get('obligation'), `${place}.obligation`)
  }
  return parseObligation(Object.fromEntries(members), place)
}
