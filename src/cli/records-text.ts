import type { RecordCounts } from '../access-review/take-records.ts'

const reasons: Readonly<Record<keyof RecordCounts['unusable'], string>> = {
  undecided: 'were refused before policy was asked',
  elsewhere: 'were refused by something else',
  withheld: 'hide what they were about, since it was blocked',
  truncated: 'were too long, and parts of them are gone',
  malformed: 'are no records of decisions',
}

/** What must be known of the records that something was read from. */
export function recordsText({ first, last, unusable, otherPolicy, contradicting, unopened, beyond }: RecordCounts): readonly string[] {
  const lines: string[] = []
  if (first !== undefined && last !== undefined) lines.push(`from ${dateOf(first)} to ${dateOf(last)}`)
  const note = (count: number, text: string): void => {
    if (count > 0) lines.push(`note: ${count} ${text}`)
  }
  note(otherPolicy, 'were decided by another policy, or another version')
  note(contradicting, 'contradict the policy that they name: it was changed, and its version was not')
  note(unopened, 'have sealed attributes that were not opened: see --key')
  note(beyond, 'were left out, since too many were different')
  for (const [reason, text] of Object.entries(reasons)) note(unusable[reason as keyof RecordCounts['unusable']] ?? 0, `were not used: they ${text}`)
  return lines
}

/** A moment in words. */
export function dateOf(time: number | undefined): string {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? 'never' : date.toISOString()
}
