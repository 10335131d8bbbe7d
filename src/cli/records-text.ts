import type { RecordCounts } from '../access-review/take-records.ts'
import type { LogStanding } from './log-records.ts'

const reasons: Readonly<Record<keyof RecordCounts['unusable'], string>> = {
  undecided: 'were refused before policy was asked',
  elsewhere: 'were refused by something else',
  withheld: 'hide what they were about, since it was blocked',
  truncated: 'were too long, and parts of them are gone',
  malformed: 'are no records of decisions',
}

/** What must be known of the records that something was read from. */
export function recordsText(
  { first, last, unusable, otherPolicy, contradicting, unopened, beyond, missing }: RecordCounts,
  { verified, pinned, anchored, unsigned }: LogStanding,
): readonly string[] {
  const lines: string[] = []
  if (first !== undefined && last !== undefined) lines.push(`from ${dateOf(first)} to ${dateOf(last)}`)
  const note = (count: number, text: string): void => {
    if (count > 0) lines.push(`note: ${count} ${text}`)
  }
  if (!verified) lines.push('note: NOT VERIFIED. Whoever can write to the folder may have made these records up, or taken some away')
  else {
    if (!pinned) lines.push('note: the key is from the folder itself: whoever wrote the log anew could have put it there. Give --key')
    if (!anchored) lines.push('note: whether the end was cut off cannot be told. Give --anchor or --expected-size, or say --unanchored')
  }
  note(unsigned, 'entries at the end are not under a checkpoint yet, and were not looked at')
  note(missing, 'records could not be written, by the word of later ones: what was done then is not known')
  note(otherPolicy, 'were decided by another policy, or another version')
  note(contradicting, 'contradict the policy that they name: it was changed, and its version was not')
  note(unopened, 'have sealed attributes that were not opened: see --attributes')
  note(beyond, 'were left out, since too many were different')
  for (const [reason, text] of Object.entries(reasons)) note(unusable[reason as keyof RecordCounts['unusable']] ?? 0, `were not used: they ${text}`)
  return lines
}

/** A moment in words. */
export function dateOf(time: number | undefined): string {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? 'never' : date.toISOString()
}
