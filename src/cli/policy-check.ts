import { type Command, command } from './command.ts'
import { duties } from '../policy/obligations.ts'
import { parsePolicy, type ParsedPolicy } from '../policy/parse-policy.ts'
import { ContentError } from './json-file.ts'
import { plain } from './io.ts'
import { readPolicy, signedArguments } from './policy-file.ts'

export const policyCheck: Command = command({
  name: 'policy check',
  summary: 'says whether a policy loads, and what may not be meant',
  operands: ['FILE'],
  missing: 'give the file of one policy',
  about:
    'Says whether a policy loads: JSON in which no name stands twice, and nothing but what a policy is made of. Where it does not, it says what is wrong, and where. It also notes what loads and may not be meant.',
  options: {
    ...signedArguments,
    json: { type: 'boolean', help: 'the answer as JSON' },
  },
  examples: ['sallyport policy check policy.json'],
  exits: ['it loads', 'it does not'],
  async run(values, [path], io) {
    const asJson = values.json === true
    try {
      const { source, set } = await readPolicy(path, values['signed-by'])
      const description = set.describe()
      const notes = notesOn(parsePolicy(source), Date.now())
      if (asJson) {
        io.out(plain(JSON.stringify({ ok: true, policy: description, notes })))
        return 0
      }
      const { id, version, rules, permits, forbids, attributes, obligations } = description
      io.out(plain(`The policy loads: ${id}, version ${version}.`))
      io.out(`  rules        ${rules}: ${permits} ${permits === 1 ? 'permit' : 'permits'}, ${forbids} ${forbids === 1 ? 'forbid' : 'forbids'}`)
      io.out(`  attributes   ${attributes} declared`)
      if (obligations.length > 0) io.out(plain(`  obligations  ${obligations.join(', ')}`))
      for (const { message, rules: named } of notes) io.out(plain(`  note         ${message}${named === undefined ? '' : `: ${some(named)}`}`))
      return 0
    } catch (error) {
      if (!(error instanceof ContentError)) throw error
      if (asJson) io.out(plain(JSON.stringify({ ok: false, problem: error.message })))
      else {
        io.out('The policy does not load.')
        io.out(plain(`  problem      ${error.message}`))
      }
      return 1
    }
  },
})

/** Something that loads and may not be meant. */
interface Note {
  readonly code: 'undeclared' | 'unscoped' | 'expired' | 'unclaimed' | 'idle_role' | 'no_permit'
  readonly message: string
  /** The rules, or the roles, that it is about. */
  readonly rules?: readonly string[]
}

/** Who carries out which obligations, beside `authorize`. */
const claimed: readonly string[] = [...duties, 'max_output_tokens', 'limit', 'mask', 'reveal', 'seal_response', 'require_passkey']

function notesOn({ rules, roles, attributes }: ParsedPolicy, now: number): readonly Note[] {
  const notes: Note[] = []
  const note = (code: Note['code'], message: string, about: readonly string[]): void => {
    if (about.length > 0) notes.push({ code, message, rules: about })
  }
  if (!rules.some(({ effect }) => effect === 'permit')) notes.push({ code: 'no_permit', message: 'no rule permits anything' })
  if (attributes.count === 0 && rules.some(({ when }) => when !== undefined))
    notes.push({ code: 'undeclared', message: 'no attribute is declared, so a typo in a path loads and is a missing attribute' })
  const idsOf = (wanted: (rule: ParsedPolicy['rules'][number]) => boolean): string[] => rules.filter(wanted).map(({ id }) => id)
  note(
    'unscoped',
    'permits that are narrowed neither by subject, action nor resource',
    idsOf(
      (rule) =>
        rule.effect === 'permit' &&
        [rule.subjectTypes, rule.subjectIds, rule.subjectRoles, rule.actions, rule.resourceTypes, rule.resourceIds].every(
          (part) => part === undefined,
        ),
    ),
  )
  note(
    'expired',
    'rules that have ended',
    idsOf(({ expires }) => expires !== undefined && expires <= now),
  )
  const types = new Map<string, string[]>()
  for (const { id, obligations } of rules)
    for (const { type } of obligations) if (!claimed.includes(type)) types.set(type, [...(types.get(type) ?? []), id])
  for (const [type, about] of types) note('unclaimed', `no control of this package carries out '${type}': one of yours must claim it`, about)
  const named = new Set(rules.flatMap(({ subjectRoles }) => subjectRoles ?? []))
  note(
    'idle_role',
    'roles that give nothing: no rule names them, or what they include',
    [...roles].filter(([, included]) => !included.some((role) => named.has(role))).map(([role]) => role),
  )
  return notes
}

function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`
}
