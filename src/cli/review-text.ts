import type { AccessReview, RoleReview, RuleReview, SubjectReview } from '../access-review/access-review.ts'
import type { RuleChange } from '../access-review/narrow-policy.ts'
import type { LogStanding } from './log-records.ts'
import { dateOf, recordsText } from './records-text.ts'

/** How much of each list is shown. */
const shown = { lines: 40, subjects: 20, names: 8 } as const

/** A review as lines to read. What stands in them was partly written by strangers: show it with `plain`. */
export function reviewText(review: AccessReview, standing: LogStanding, all: boolean): readonly string[] {
  const { policy, records, rules, roles, subjects, callers, changes, tighter, proof } = review
  const most = all ? Number.POSITIVE_INFINITY : shown.lines
  const permits = rules.filter(({ effect }) => effect === 'permit')
  const once = permits.filter(({ uses }) => uses === 1)
  return [
    `${policy.id}, version ${policy.version}: ${records.decisions} decisions, ${records.allowed} let through, ${records.refused} refused, ${callers} callers.`,
    ...recordsText(records, standing).map((line) => `  ${line}`),
    ...section(
      'Rules that never decided',
      rules.filter(({ uses }) => uses === 0),
      most,
      ({ rule, effect }) => [`  ${effect.padEnd(6)}  ${rule}`],
    ),
    ...section('Permits that were used once', once, most, ({ rule, last }) => [`  ${rule}  ${dateOf(last)}`]),
    ...section(
      'Permits that name what nobody used',
      permits.filter(({ unused }) => Object.keys(unused).length > 0),
      most,
      unusedLines,
    ),
    ...section(
      'Roles by which nobody did anything',
      roles.filter(({ uses }) => uses === 0),
      most,
      ({ role, holders }) => [`  ${role}  (${count(holders, 'holder')})`],
    ),
    ...section(
      'Roles',
      // Those that give the most that nobody uses come first.
      roles.filter(({ uses }) => uses > 0).sort((one, other) => other.unusedCount - one.unusedCount),
      most,
      roleLines,
    ),
    ...section('Callers with the most rights that they never used', subjects, all ? most : shown.subjects, subjectLines),
    '',
    `The tighter policy, version ${String(tighter.version ?? 'unversioned')}:`,
    ...(changes.length === 0 ? ['  Everything that is granted was used.'] : bounded(changes, most, changeLines)),
    '',
    ...proofLines(proof),
  ]
}

function section<T>(title: string, items: readonly T[], most: number, lines: (item: T) => readonly string[]): readonly string[] {
  return items.length === 0 ? [] : ['', `${title}: ${items.length}`, ...bounded(items, most, lines)]
}

function bounded<T>(items: readonly T[], most: number, lines: (item: T) => readonly string[]): readonly string[] {
  const more = items.length > most ? [`  and ${items.length - most} more: see --all`] : []
  return [...items.slice(0, most).flatMap(lines), ...more]
}

function unusedLines({ rule, unused }: RuleReview): readonly string[] {
  return [`  ${rule}`, ...Object.entries(unused).map(([part, names]) => `      ${part}  ${some(names)}`)]
}

function roleLines({ role, uses, last, holders, used, unused, unusedCount }: RoleReview): readonly string[] {
  const once = used.filter((rule) => rule.uses === 1).map(({ rule }) => rule)
  return [
    `  ${role}  ${count(holders, 'holder')}, ${count(uses, 'use')}, last ${dateOf(last)}`,
    ...(unused.length === 0 ? [] : [`      never used  ${some(unused, unusedCount)}`]),
    ...(once.length === 0 ? [] : [`      used once   ${some(once)}`]),
  ]
}

function subjectLines({ subject, issuer, roles, uses, last, used, usedOnce, unused, unusedCount }: SubjectReview): readonly string[] {
  const held = roles.length === 0 ? 'no roles' : some(roles)
  return [
    `  ${subject} of ${issuer}  (${held})`,
    `      used        ${count(used, 'right')} in ${count(uses, 'call')}, ${usedOnce} of them once, last ${dateOf(last)}`,
    ...(unusedCount === 0 ? [] : [`      never used  ${some(unused, unusedCount)}`]),
  ]
}

const signs: Readonly<Record<RuleChange['change'], string>> = { removed: '-', narrowed: '~', left: '=' }

function changeLines({ rule, change, because, parts = [] }: RuleChange): readonly string[] {
  return [
    `  ${signs[change]} ${rule}  ${change}: ${because}`,
    ...parts.flatMap(({ id, scope }) => [
      ...(parts.length === 1 ? [] : [`      ${id}`]),
      ...Object.entries(scope).map(
        ([part, { before, after }]) => `      ${part.padEnd(13)}  ${before === undefined ? 'any' : some(before)} -> ${some(after)}`,
      ),
    ]),
  ]
}

function proofLines({
  holds,
  permitted,
  carried,
  outdated,
  elsewhere,
  refused,
  stillRefused,
  loosened,
  shed,
  beyond,
  unread,
}: AccessReview['proof']): readonly string[] {
  const line = (number: number, text: string): readonly string[] => (number === 0 ? [] : [`  ${String(number).padStart(9)}  ${text}`])
  return [
    holds ? 'Proven by replaying every record against it:' : 'It is NOT proven. Replaying every record against it:',
    ...line(permitted, 'let through, and permitted with the same duties'),
    ...line(carried, 'let through, and cannot be told: every rule that may have permitted them is still there'),
    ...line(beyond, 'not replayed, since too many were different: every rule that may have permitted them stands as it did'),
    ...line(outdated, 'let through by another policy, and refused by this one already'),
    ...line(stillRefused, 'refused, and refused'),
    ...line(elsewhere, 'refused by something else or by another policy'),
    ...line(refused, 'LET THROUGH, AND REFUSED'),
    ...line(loosened, 'REFUSED, AND PERHAPS PERMITTED'),
    ...line(shed, 'PERMITTED WITH FEWER DUTIES'),
    ...line(unread, 'LET THROUGH, AND THEIR RECORDS ARE NOT WHOLE: leave out their time with --from and --to'),
  ]
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function some(names: readonly string[], whole: number = names.length): string {
  const first = names.slice(0, shown.names)
  return whole > first.length ? `${first.join(', ')} and ${whole - first.length} more` : first.join(', ')
}
