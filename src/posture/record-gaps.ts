import { controlOf, type Described, isInMemory, list, member } from './gap.ts'

/** What would not be provable afterwards. */
export function findRecordGaps(described: Described): void {
  const { gaps } = described
  const audit = controlOf(described, 'audit')
  if (audit === undefined) {
    gaps.push({
      code: 'unaudited',
      severity: 'high',
      control: 'unaudited',
      message: 'Calls leave no record.',
      remedy: 'Put audit({ log }) where unaudited() stands.',
    })
    return
  }
  const { log, onFailure, durability, content, sinks } = audit.options
  if (onFailure === 'degrade')
    gaps.push({
      code: 'audit_degrades',
      severity: 'high',
      control: 'audit',
      message: 'Calls go on without a record while the log cannot be written.',
      remedy: "Leave out onFailure, or say 'refuse'.",
    })
  if (isInMemory(log) || member(log, 'kind') === 'recording')
    gaps.push({
      code: 'log_in_memory',
      severity: 'high',
      control: 'audit',
      message: 'The log is lost with the process, and nobody can verify it.',
      remedy: 'Use fileLog from sallyport/file.',
    })
  if (member(log, 'kind') === 'file' && member(log, 'anchored') === undefined)
    gaps.push({
      code: 'log_not_anchored',
      severity: 'medium',
      control: 'audit',
      message: 'Whoever holds the key of the log can cut its end, or put an older copy back, without anybody seeing it.',
      remedy: 'Give fileLog an anchor that is kept elsewhere.',
    })
  // By class of event, or one for all.
  const durabilities = typeof durability === 'object' && durability !== null ? Object.values(durability) : [durability]
  if (durabilities.some((each) => each !== 'durable'))
    gaps.push({
      code: 'not_durable',
      severity: 'medium',
      control: 'audit',
      message: 'Records that were acknowledged can be lost when the machine loses power.',
      remedy: "Leave out durability, or say 'durable'.",
    })
  if (content === 'none')
    gaps.push({
      code: 'content_not_bound',
      severity: 'low',
      control: 'audit',
      message: 'Records do not tell which input and output they are about.',
      remedy: "Say content: 'digest': keyed digests bind a record to its payload and tell nothing of it.",
    })
  if (list(sinks).length === 0 && isInMemory(log))
    gaps.push({
      code: 'no_sink',
      severity: 'low',
      control: 'audit',
      message: 'Nobody else is told of what is recorded.',
      remedy: 'Give audit a sink.',
    })
}
