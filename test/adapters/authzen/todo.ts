import type { PolicyEvaluator, PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { policySet } from '../../../src/policy/policy-set.ts'

/** The users of the interoperability scenario "Todo", by the identifier in their tokens. */
const users = {
  rick: ['CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'rick@the-citadel.com', ['admin', 'evil_genius']],
  morty: ['CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'morty@the-citadel.com', ['editor']],
  summer: ['CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'summer@the-smiths.com', ['editor']],
  beth: ['CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'beth@the-smiths.com', ['viewer']],
  jerry: ['CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'jerry@the-smiths.com', ['viewer']],
} as const

type User = keyof typeof users

const own = { 'subject.email': { eq: { path: 'resource.ownerID' } } } as const

const policy = policySet({
  id: 'todo',
  version: '1.1',
  roles: { editor: { inherits: 'viewer' }, admin: { inherits: 'editor' }, evil_genius: { inherits: 'editor' }, viewer: {} },
  rules: [
    { id: 'see-users', effect: 'permit', subject: { roles: 'viewer' }, action: 'can_read_user', resource: { type: 'user' } },
    { id: 'see-todos', effect: 'permit', subject: { roles: 'viewer' }, action: 'can_read_todos', resource: { type: 'todo' } },
    { id: 'create', effect: 'permit', subject: { roles: 'editor' }, action: 'can_create_todo', resource: { type: 'todo' } },
    {
      id: 'own',
      effect: 'permit',
      subject: { roles: 'editor' },
      action: ['can_update_todo', 'can_delete_todo'],
      resource: { type: 'todo' },
      when: own,
    },
    { id: 'update-any', effect: 'permit', subject: { roles: 'evil_genius' }, action: 'can_update_todo', resource: { type: 'todo' } },
    { id: 'delete-any', effect: 'permit', subject: { roles: 'admin' }, action: 'can_delete_todo', resource: { type: 'todo' } },
  ],
})

/** Who a user is, the decision point knows by itself. */
export const todoEvaluator: PolicyEvaluator = {
  evaluate(request) {
    const [, email = '', roles = []] = Object.values(users).find(([id]) => id === request.subject.id) ?? []
    return policy.evaluate({ ...request, subject: { ...request.subject, properties: { email, roles } } })
  },
}

function asking(user: User, action: string, type: string, id: string, owner?: User): PolicyRequest {
  return {
    subject: { type: 'user', id: users[user][0] },
    action: { name: action },
    resource: { type, id, ...(owner !== undefined && { properties: { ownerID: users[owner][1] } }) },
  }
}

const todo = '7240d0db-8ff0-41ec-98b2-34a096273b9f'
const rick: readonly User[] = ['rick']
const editors: readonly User[] = ['rick', 'morty', 'summer']

/** All 40 single questions of the scenario and their decisions. */
export const todoDecisions: readonly (readonly [request: PolicyRequest, decision: boolean])[] = (Object.keys(users) as User[]).flatMap((user) => {
  const other = user === 'rick' ? 'morty' : user
  return [
    [asking(user, 'can_read_user', 'user', 'beth@the-smiths.com'), true],
    [asking(user, 'can_read_user', 'user', users[user][1]), true],
    [asking(user, 'can_read_todos', 'todo', 'todo-1'), true],
    [asking(user, 'can_create_todo', 'todo', 'todo-1'), editors.includes(user)],
    [asking(user, 'can_update_todo', 'todo', todo, 'rick'), rick.includes(user)],
    [asking(user, 'can_update_todo', 'todo', todo, other), editors.includes(user)],
    [asking(user, 'can_delete_todo', 'todo', todo, 'rick'), rick.includes(user)],
    [asking(user, 'can_delete_todo', 'todo', todo, other), editors.includes(user)],
  ] as const
})

/** The questions that come together, and their decisions. */
export const todoBatches: readonly (readonly [requests: readonly PolicyRequest[], decisions: readonly boolean[]])[] = [
  [
    [asking('rick', 'can_update_todo', 'todo', todo, 'rick'), asking('rick', 'can_update_todo', 'todo', todo, 'jerry')],
    [true, true],
  ],
  [
    [asking('morty', 'can_update_todo', 'todo', todo, 'rick'), asking('morty', 'can_update_todo', 'todo', todo, 'morty')],
    [false, true],
  ],
  [
    [asking('jerry', 'can_update_todo', 'todo', todo, 'rick'), asking('jerry', 'can_update_todo', 'todo', todo, 'jerry')],
    [false, false],
  ],
]
