import { type Command, command } from './command.ts'
import type { GuardDescription } from '../guard/guard.ts'
import { posture, severities, type GuardPosture } from '../posture/posture.ts'
import { describedBy } from './described-guard.ts'
import { plain, UsageError } from './io.ts'

const levels: readonly string[] = severities

export const describeCommand: Command = command({
  name: 'describe',
  summary: 'says what a guard covers and where its gaps are',
  operands: ['FILE'],
  missing: 'give the file of one guard',
  about:
    'Says what a guard covers and where its gaps are. FILE is a module that exports the guard, or JSON with what its describe() gave. A module is loaded in a process of its own, which ends when the guard has described itself: let it make the guard and start nothing. TypeScript loads where the runtime loads it.',
  options: {
    export: { type: 'string', value: 'NAME', help: 'which of several exported guards' },
    'fail-on': { type: 'string', choices: severities, help: 'exit 1 where a gap is at least that bad' },
    json: { type: 'boolean', help: 'the answer as JSON: guard, covered, gaps' },
  },
  examples: ['sallyport describe dist/guard.js --fail-on high'],
  exits: ['it was described', 'a gap is as bad as --fail-on says, or nothing could be described'],
  async run(values, [path], io) {
    const limit = levels.indexOf(values['fail-on'] ?? '')
    if (values['fail-on'] !== undefined && limit === -1) throw new UsageError(`--fail-on: must be ${severities.join(', ')}`)
    const description = await describedBy(path, values.export)
    const found = posture(description)
    io.out(values.json === true ? plain(JSON.stringify(found)) : report(found, description))
    return found.gaps.some(({ severity }) => severities.indexOf(severity) <= limit) ? 1 : 0
  },
})

function report({ guard, covered, gaps }: GuardPosture, { deadline, codec }: GuardDescription): string {
  const width = Math.max(0, ...covered.map(({ control }) => control.length))
  const counts = severities.map((severity) => `${gaps.filter((gap) => gap.severity === severity).length} ${severity}`)
  return [
    plain(`Guard '${guard}': calls of at most ${deadline / 1000} seconds, payloads read as ${codec}.`),
    '',
    'Covered',
    ...covered.map(({ control, ensures }) => plain(`  ${control.padEnd(width)}  ${ensures ?? 'A control of your own.'}`)),
    '',
    gaps.length === 0 ? 'No gaps were found.' : `Gaps: ${counts.join(', ')}`,
    ...gaps.flatMap(({ severity, code, message, remedy }) => [
      plain(`  ${severity.padEnd(7)} ${code}`),
      plain(`          ${message}`),
      plain(`          ${remedy}`),
    ]),
  ].join('\n')
}
