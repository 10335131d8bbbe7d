import { controlOf, type Described, list, member, ofKind } from './gap.ts'

/** Who may more than needed, or what decides unseen. */
export function findPolicyGaps(described: Described): void {
  const control = controlOf(described, 'authorize')
  if (control === undefined) return
  const { evaluator, recheck } = control.options
  const { gaps } = described
  const gap = (code: string, severity: 'high' | 'medium' | 'low', message: string, remedy: string): void =>
    void gaps.push({ code, severity, control: 'authorize', message, remedy })
  if ([...ofKind(evaluator, 'allow-all')].length > 0)
    gap('allow_all', 'high', 'Everything is permitted to everybody who was verified.', 'Put a policy where allowAll() stands.')
  if (typeof member(evaluator, 'kind') !== 'string')
    gap(
      'unknown_evaluator',
      'low',
      'Who decides tells nothing of itself, so its rules were not looked at.',
      'Give the evaluator a describe() that names its kind and version.',
    )
  const policies = [...ofKind(evaluator, 'policySet')]
  const named = (name: string): string => {
    const ids = policies.flatMap((policy) => list(member(policy, name))).filter((id) => typeof id === 'string')
    return ids.length <= 8 ? ids.join(', ') : `${ids.slice(0, 8).join(', ')} and more`
  }
  const [open, wide] = [named('openPermits'), named('widePermits')]
  if (open !== '')
    gap('open_permit', 'high', `Permits let every caller do everything: ${open}.`, 'Name in each permit whom it is for and what it permits.')
  if (wide !== '') gap('wide_permit', 'medium', `Permits are for every action on every resource: ${wide}.`, 'Name in each permit what it permits.')
  const unsigned = [...ofKind(evaluator, 'livePolicy')].filter((policy) => member(policy, 'signed') === false)
  if (unsigned.length > 0)
    gap(
      'policy_not_signed',
      'medium',
      'Whoever can write where the policy is loaded from changes what is permitted, while the process runs.',
      'Sign policies (sallyport policy sign) and give livePolicy the signature to ask for.',
    )
  const every = member(recheck, 'every')
  if (typeof every === 'number' && every > 1)
    gap(
      'slow_policy_recheck',
      'low',
      `While an answer streams policy is asked again only every ${every} seconds.`,
      'Leave out recheck: twice a second costs next to nothing.',
    )
}
