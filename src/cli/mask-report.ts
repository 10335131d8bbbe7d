import type { AnonymizeReport, Reached } from '../anonymize/report.ts'

/** What was done to a file: to a data set, or to a text. */
export interface MaskReport extends Partial<AnonymizeReport> {
  /** What was found in a text, by type. */
  readonly found?: Readonly<Record<string, number>>
}

const number = new Intl.NumberFormat('en-US')

/** A report in lines. */
export function reportText(path: string, { rows, columns = {}, anonymity, found = {} }: MaskReport): readonly string[] {
  if (rows === undefined) return [`Masked ${path}: ${foundText(found)}.`]
  const names = Object.keys(columns)
  const width = Math.min(40, Math.max(0, ...names.map(({ length }) => length)))
  return [
    `Masked ${path}: ${number.format(rows.in)} rows, ${number.format(rows.suppressed)} of them left out.`,
    ...Object.entries(columns).map(([name, { mode, changed, empty, unreadable, found: inColumn }]) => {
      const notes = [
        ...(mode === 'keep' || mode === 'drop' ? [] : [`${number.format(changed)} changed`]),
        ...(empty > 0 ? [`${number.format(empty)} empty`] : []),
        ...(unreadable > 0 ? [`${number.format(unreadable)} unreadable`] : []),
        ...(Object.keys(inColumn).length > 0 ? [foundText(inColumn)] : []),
      ]
      return `  ${name.padEnd(width)}  ${mode.padEnd(10)}  ${notes.join(', ')}`.trimEnd()
    }),
    ...(anonymity === undefined
      ? []
      : [
          `  classes     ${number.format(anonymity.classes.before)} before, ${number.format(anonymity.classes.after)} now`,
          `  k           ${reachedText(anonymity.k)}`,
          `  l           ${reachedText(anonymity.l)}`,
        ]),
  ]
}

function reachedText({ wanted, before, after }: Reached): string {
  return `${wanted} wanted, ${before ?? 'none'} before, ${after ?? 'none'} now`
}

function foundText(found: Readonly<Record<string, number>>): string {
  const parts = Object.entries(found).map(([type, count]) => `${type} ${number.format(count)}`)
  return parts.length === 0 ? 'nothing found' : parts.join(', ')
}
