import { type Described, isInMemory, list, member } from './gap.ts'

/** What a caller may consume without end. */
export function findLimitGaps(described: Described): void {
  const { controls, gaps } = described
  const limiters = controls.filter(({ name }) => name === 'rateLimit')
  if (limiters.length === 0) {
    gaps.push({
      code: 'no_limits',
      severity: 'medium',
      control: null,
      message: 'One caller may consume all there is, and as much money as the model costs.',
      remedy: 'Add rateLimit with limits of requests, tokens and cost.',
    })
    return
  }
  const limits = limiters.flatMap(({ options }) => list(options.limits))
  const units = new Set(limits.map((limit) => member(limit, 'unit')))
  const isByCall = limiters.some(({ options }) => !Array.isArray(options.limits))
  if (!isByCall && !units.has('tokens') && !units.has('cost'))
    gaps.push({
      code: 'no_token_limit',
      severity: 'low',
      control: 'rateLimit',
      message: 'Calls are counted, and not what they cost: one call may be as large as the model takes.',
      remedy: 'Limit tokens or cost beside requests.',
    })
  if (limiters.some(({ options }) => typeof options.onStoreFailure === 'object'))
    gaps.push({
      code: 'limits_fail_open',
      severity: 'medium',
      control: 'rateLimit',
      message: 'While the store of the limits is away each process lets a part of them through on its own.',
      remedy: "Leave out onStoreFailure, or say 'refuse'.",
    })
  if (limiters.some(({ options }) => options.onOverrun === 'debt'))
    gaps.push({
      code: 'overrun_in_debt',
      severity: 'low',
      control: 'rateLimit',
      message: 'An answer that is longer than foreseen runs on beyond the limit, and the caller pays later.',
      remedy: "Leave out onOverrun, or say 'cut'.",
    })
  if (limiters.some(({ options }) => isInMemory(options.store)))
    gaps.push({
      code: 'limits_per_process',
      severity: 'low',
      control: 'rateLimit',
      message: 'Each process counts on its own: several of them let through as many times the limit.',
      remedy: 'Where several processes serve, use redisLimits from sallyport/redis.',
    })
}
