import { type Command, command } from './command.ts'
import { type DecisionChange, type PolicyDiff, policyDiff } from '../access-review/policy-diff.ts'
import { plain, UsageError } from './io.ts'
import type { Io } from './io.ts'
import { type LogStanding, openRecords } from './log-records.ts'
import { readPolicy, signedArguments } from './policy-file.ts'
import { recordArguments, recordOptions } from './record-options.ts'
import { recordsText } from './records-text.ts'

export const policyDiffCommand: Command = command({
  name: 'policy diff',
  summary: 'lists the decisions of a log that another policy would make otherwise',
  operands: ['A', 'B'],
  missing: 'give the files of two policies',
  about:
    'Replays the decisions of a log against two policies, and lists those that B would make otherwise than A: like with like, with how many there are and one call of each. What a record does not tell is not guessed: a decision that hangs on an attribute that is not known is listed as such.',
  options: {
    ...recordArguments,
    ...signedArguments,
    most: { type: 'string', value: 'N', help: 'how many kinds of changes to list; 50 unless given, 1000 with --json' },
    json: { type: 'boolean', help: 'the whole comparison as JSON' },
  },
  examples: ['sallyport policy diff policy.json policy.new.json --log var/audit --key support-bot.vkey --anchor /mnt/elsewhere/audit'],
  exits: ['no decision changes, all of them could be told, and the log can be trusted', 'one does, or it cannot be told'],
  async run(values, [one, other], io) {
    if (values.most !== undefined && !/^[1-9]\d{0,4}$/.test(values.most)) throw new UsageError('--most must be a number from 1 to 99999')
    const { log, options } = await recordOptions(values)
    const [before, after] = [await readPolicy(one, values['signed-by']), await readPolicy(other, values['signed-by'])]
    const { records, standing } = await openRecords(log, io)
    const diff = await policyDiff(before.source, after.source, records, options)
    io.progress?.('')
    const worth = standing()
    const most = Number(values.most ?? (values.json === true ? 1_000 : 50))
    const changes = diff.changes.slice(0, most)
    const unlisted = diff.unlisted + diff.changes.slice(most).reduce((sum, { count }) => sum + count, 0)
    if (values.json === true) io.out(plain(JSON.stringify({ log: worth, ...diff, changes, unlisted })))
    else print({ ...diff, changes, unlisted }, worth, io)
    if (!worth.trusted) io.error('The log cannot be trusted that far: see the notes above.')
    else if (diff.compared === 0) io.error('There was no decision in that time that could be replayed.')
    const { malformed = 0, truncated = 0, withheld = 0, elsewhere = 0 } = diff.records.unusable
    const untold = diff.undecided + malformed + truncated + withheld + elsewhere
    if (untold > diff.undecided) io.error('Some decisions are not recorded well enough to be replayed, so what becomes of them cannot be told.')
    return worth.trusted && diff.same === diff.compared && untold === 0 && diff.compared > 0 ? 0 : 1
  },
})

const words: Readonly<Record<DecisionChange['kind'], string>> = {
  permits: 'now permitted',
  refuses: 'now refused',
  duties: 'other duties',
  undecided: 'cannot be told',
}

function print({ before, after, records, compared, same, changed, undecided, changes, unlisted }: PolicyDiff, worth: LogStanding, io: Io): void {
  io.out(plain(`${before.id} ${before.version} against ${after.id} ${after.version}: ${compared} decisions, ${same} the same.`))
  for (const kind of ['permits', 'refuses', 'duties'] as const) if (changed[kind] > 0) io.out(`  ${words[kind].padEnd(14)}  ${changed[kind]}`)
  if (undecided > 0) io.out(`  ${words.undecided.padEnd(14)}  ${undecided}`)
  for (const line of recordsText(records, worth)) io.out(plain(`  ${line}`))
  for (const change of changes) for (const line of changeLines(change)) io.out(plain(line))
  if (unlisted > 0) io.out(`\n${unlisted} decisions that change are not listed: see --most.`)
}

function changeLines({ kind, action, resource, before, after, unknown = [], count, callers, subjects, example }: DecisionChange): readonly string[] {
  const rules = (names: readonly string[]): string => (names.length === 0 ? 'no rule' : names.join(', '))
  const more = callers > subjects.length ? ` and ${callers - subjects.length} more` : ''
  return [
    '',
    `${words[kind]}  ${count} x  ${action} ${resource.type}/${resource.id}`,
    `    rules    ${rules(before)} -> ${rules(after)}`,
    `    callers  ${subjects.join(', ')}${more}`,
    ...(unknown.length === 0 ? [] : [`    unknown  ${unknown.join(', ')}`]),
    `    call     ${example}`,
  ]
}
