// One policy of any size, and questions about it; then the same in the words of others.
import { createMongoAbility, type MongoAbility, subject as ofType } from '@casl/ability'
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { type Enforcer, newEnforcer, newModelFromString } from 'casbin'

interface Rule {
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  readonly subject: { readonly roles: string }
  readonly action: string
  readonly resource: { readonly type: string; readonly id: string }
  readonly when: object
}

export interface Question {
  readonly subject: { readonly type: string; readonly id: string; readonly properties: { readonly roles: string[]; readonly tenant: string } }
  readonly action: { readonly name: string }
  readonly resource: { readonly type: string; readonly id: string; readonly properties: { readonly tenant: string } }
  readonly context: { readonly risk: number }
}

export interface Workload {
  readonly policy: { readonly id: string; readonly version: string; readonly rules: readonly Rule[] }
  readonly questions: readonly Question[]
}

const roles = 100
const actions = 20
const users = 64
/** How many different questions. Each is about another rule, as far as there are as many: more of them show what memory costs. */
const different = Number(process.env.QUESTIONS ?? 1_024)

/** So many rules: one in ten forbids, one in four is for a prefix. All ask for the same tenant and a low risk. */
export function workload(size: number): Workload {
  const rules = Array.from(
    { length: size },
    (_, index): Rule => ({
      id: `rule-${index}`,
      effect: index % 10 === 9 ? 'forbid' : 'permit',
      subject: { roles: `role-${index % roles}` },
      action: `action-${index % actions}`,
      resource: { type: 'model', id: index % 4 === 3 ? `model-${index}/*` : `model-${index}` },
      when: { 'context.risk': { lt: 70 }, 'subject.tenant': { eq: { path: 'resource.tenant' } } },
    }),
  )
  // Three in four ask for what a rule is about, and one of eight of those at too high a risk; the others for something near it.
  const questions = Array.from({ length: different }, (_, index): Question => {
    const rule = (index * 7_919) % size
    const isPrefix = rule % 4 === 3
    const isNear = index % 4 === 3
    const role = isNear ? rule + 1 : rule
    return {
      subject: {
        type: 'user',
        id: `user-${role % users}-${role % roles}`,
        properties: { roles: [`role-${role % roles}`, 'reader'], tenant: 'acme' },
      },
      action: { name: `action-${rule % actions}` },
      resource: { type: 'model', id: isPrefix ? `model-${rule}/v1` : `model-${rule}`, properties: { tenant: index % 16 === 5 ? 'other' : 'acme' } },
      context: { risk: index % 8 === 6 ? 90 : 10 },
    }
  })
  // From JSON, as they would come: no name is the very text that stands in a rule.
  return { policy: { id: 'bench', version: '1', rules }, questions: JSON.parse(JSON.stringify(questions)) as Question[] }
}

/** What somebody would write by hand who knows that rules are found by action, type and id. */
export function handWritten({ policy }: Workload): (question: Question) => boolean {
  const exact = new Map<string, { readonly role: string; readonly permits: boolean }[]>()
  for (const { effect, subject, action, resource } of policy.rules) {
    const key = `${action} ${resource.type} ${resource.id}`
    const own = { role: subject.roles, permits: effect === 'permit' }
    const known = exact.get(key)
    if (known === undefined) exact.set(key, [own])
    else known.push(own)
  }
  return ({ subject, action, resource, context }) => {
    const slash = resource.id.indexOf('/')
    const name = slash === -1 ? resource.id : `${resource.id.slice(0, slash)}/*`
    const rules = exact.get(`${action.name} ${resource.type} ${name}`)
    if (rules === undefined) return false
    let allowed = false
    for (const { role, permits } of rules) {
      if (!subject.properties.roles.includes(role)) continue
      if (typeof context.risk !== 'number' || context.risk >= 70 || subject.properties.tenant !== resource.properties.tenant) continue
      if (!permits) return false
      allowed = true
    }
    return allowed
  }
}

/** Cedar, with the policies parsed beforehand. */
export function cedarPreparsed({ policy }: Workload): (question: Question) => boolean {
  const id = `bench-${policy.rules.length}`
  const policies = policy.rules.map(({ id: name, effect, subject, action, resource }): [string, string] => {
    const own = resource.id.endsWith('*') ? `resource.id like "${resource.id}"` : `resource.id == "${resource.id}"`
    const conditions = `${own} && context.risk < 70 && principal.tenant == resource.tenant`
    return [name, `${effect}(principal in Role::"${subject.roles}", action == Action::"${action}", resource is model) when { ${conditions} };`]
  })
  const parsed = cedar.preparsePolicySet(id, { staticPolicies: Object.fromEntries(policies) })
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors))
  return ({ subject, action, resource, context }) => {
    const principal = { type: 'User', id: subject.id }
    const object = { type: resource.type, id: resource.id }
    const answer = cedar.statefulIsAuthorized({
      principal,
      action: { type: 'Action', id: action.name },
      resource: object,
      context: { risk: context.risk },
      preparsedPolicySetId: id,
      entities: [
        {
          uid: principal,
          attrs: { tenant: subject.properties.tenant },
          parents: subject.properties.roles.map((role) => ({ type: 'Role', id: role })),
        },
        { uid: object, attrs: { tenant: resource.properties.tenant, id: resource.id }, parents: [] },
      ],
    })
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors))
    return answer.response.decision === 'allow'
  }
}

const model = `
[request_definition]
r = sub, act, obj, ctx
[policy_definition]
p = role, act, type, id, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && r.obj.type == p.type && keyMatch(r.obj.id, p.id) && g(r.sub.id, p.role) && r.ctx.risk < 70 && r.sub.tenant == r.obj.tenant
`

/** Casbin's synchronous enforcer. */
export async function casbinSync({ policy, questions }: Workload): Promise<(question: Question) => boolean> {
  const enforcer: Enforcer = await newEnforcer(newModelFromString(model))
  await enforcer.addPolicies(
    policy.rules.map(({ effect, subject, action, resource }) => [
      subject.roles,
      action,
      resource.type,
      resource.id,
      effect === 'permit' ? 'allow' : 'deny',
    ]),
  )
  const held = new Map(questions.flatMap(({ subject }) => subject.properties.roles.map((role) => [`${subject.id} ${role}`, [subject.id, role]])))
  await enforcer.addGroupingPolicies([...held.values()])
  return ({ subject, action, resource, context }) =>
    enforcer.enforceSync(
      { id: subject.id, tenant: subject.properties.tenant },
      action.name,
      { type: resource.type, id: resource.id, tenant: resource.properties.tenant },
      context,
    )
}

/** CASL, whose rules are for one subject: one ability for each role, made beforehand; what forbids comes last, since there the last rule wins. */
export function caslAbilities({ policy }: Workload): (question: Question) => boolean {
  const byRole = new Map<string, Rule[]>()
  for (const rule of policy.rules) byRole.set(rule.subject.roles, [...(byRole.get(rule.subject.roles) ?? []), rule])
  const abilities = new Map<string, MongoAbility>()
  for (const [role, rules] of byRole)
    abilities.set(
      role,
      createMongoAbility(
        rules
          .toSorted((one, other) => Number(one.effect === 'forbid') - Number(other.effect === 'forbid'))
          .map(({ effect, action, resource }) => ({
            action,
            subject: resource.type,
            inverted: effect === 'forbid',
            conditions: {
              id: resource.id.endsWith('*') ? { $regex: `^${resource.id.slice(0, -1)}` } : resource.id,
              risk: { $lt: 70 },
              tenant: 'acme',
            },
          })),
      ),
    )
  return ({ subject, action, resource, context }) => {
    const ability = abilities.get(subject.properties.roles[0] ?? '')
    const object = ofType(resource.type, { id: resource.id, tenant: resource.properties.tenant, risk: context.risk })
    return ability?.can(action.name, object) === true
  }
}
