import type { Question } from './policy-request.ts'
import { type Actions, type Branches, type Ids, isFor, pick, someNode, type Subjects } from './rule-tree.ts'

/**
 * Rules that would fit but for the subject, the id, the type or the action, and a few that miss by more. Looks at so many
 * at most, a quarter for each of these, and always at the same ones of the same rules.
 */
export function nearRules<R>(root: Actions<R>, question: Question, most: number): ReadonlySet<R> {
  const { actionName, resourceType, resourceId } = question
  const seen: R[] = []
  const share = Math.ceil(most / 4)
  let left = share
  const see = (rules: readonly R[]): boolean => {
    for (const rule of rules)
      if (left-- > 0) seen.push(rule)
      else return true
    return left <= 0
  }
  // Those for this subject, as the index has them.
  const seeFitting = ({ few, many }: Subjects<R>): boolean => {
    for (let own = few; own !== undefined; own = own.next) if (isFor(own, question)) see([own.rule])
    if (many !== undefined) {
      const own = [many.rest]
      pick(many.ids, question.subjectId, own)
      for (const role of question.roles) own.push(many.roles.get(role) ?? [])
      own.some(see)
    }
    return --left <= 0
  }
  const atAction: Branches<Ids<R>>[] = []
  const atType: Ids<R>[] = []
  const atId: Subjects<R>[] = []
  pick(root, actionName, atAction)
  for (const types of atAction) pick(types, resourceType, atType)
  for (const ids of atType) pick(ids, resourceId, atId)
  // Another subject.
  for (const { few, many } of atId) {
    for (let own = few; own !== undefined; own = own.next) see([own.rule])
    if (many !== undefined && !see(many.rest) && !someNode(many.ids, see)) for (const rules of many.roles.values()) if (see(rules)) break
  }
  // Another id.
  left = share
  for (const ids of atType) someNode(ids, seeFitting)
  // Another type.
  left = share
  const seeIds = (ids: Ids<R>): boolean => {
    const nodes: Subjects<R>[] = []
    pick(ids, resourceId, nodes)
    nodes.some(seeFitting)
    return --left <= 0
  }
  for (const types of atAction) someNode(types, seeIds)
  // Another action.
  left = share
  someNode(root, (types) => {
    const nodes: Ids<R>[] = []
    pick(types, resourceType, nodes)
    nodes.some(seeIds)
    return --left <= 0
  })
  return new Set(seen)
}
