import { readFileSync } from 'node:fs'
import { accessReviewCommand } from './access-review.ts'
import { auditEvidence } from './audit-evidence.ts'
import { auditExport } from './audit-export.ts'
import { auditProve } from './audit-prove.ts'
import { auditRotate } from './audit-rotate.ts'
import { auditServe } from './audit-serve.ts'
import { auditQuery } from './audit-query.ts'
import { auditStats } from './audit-stats.ts'
import { auditTail } from './audit-tail.ts'
import { auditVerifyEvidence } from './audit-verify-evidence.ts'
import { auditVerify } from './audit-verify.ts'
import { completion } from './completion.ts'
import { describeCommand } from './describe.ts'
import { nearest } from './did-you-mean.ts'
import { type CommandGroup, commandHelp, overview, usageOf } from './help-text.ts'
import { type Io, plain, processIo, UsageError } from './io.ts'
import { keysNew } from './keys-new.ts'
import { keysRewrap } from './keys-rewrap.ts'
import { keysRotate } from './keys-rotate.ts'
import { limitsTop } from './limits-top.ts'
import { mask } from './mask.ts'
import { policyCheck } from './policy-check.ts'
import { policyDiffCommand } from './policy-diff.ts'
import { policyExplain } from './policy-explain.ts'
import { policySign } from './policy-sign.ts'
import { policyTest } from './policy-test.ts'

/** Every command, in the order in which the help lists them. The completion knows the table that it stands in. */
export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Audit logs',
    commands: [
      auditVerify,
      auditTail,
      auditQuery,
      auditStats,
      auditExport,
      auditProve,
      auditServe,
      auditEvidence,
      auditVerifyEvidence,
      auditRotate,
      limitsTop,
    ],
  },
  {
    title: 'Policies and guards',
    commands: [policyCheck, policyExplain, policyTest, policySign, policyDiffCommand, accessReviewCommand, describeCommand],
  },
  { title: 'Data and keys', commands: [mask, keysNew, keysRotate, keysRewrap] },
  { title: 'This command', commands: [completion(() => commandGroups.flatMap(({ commands }) => commands))] },
]

/**
 * The `sallyport` command.
 *
 * @returns 0 when what was asked holds, 1 when it does not, 2 when the call is wrong.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const [first, ...others] = argv
  if (first === '--version' || first === 'version') {
    io.out(versionHere())
    return 0
  }
  const words = first === 'help' ? others : argv
  const command = commandGroups.flatMap(({ commands }) => commands).find(({ name }) => name === words.slice(0, wordsOf(name)).join(' '))
  const wantsHelp = argv.length === 0 || first === 'help' || isHelp(argv)
  if (command === undefined) return wantsHelp ? helpOn(words, io) : unknownCommand(words, io)
  if (wantsHelp) {
    io.out(commandHelp(command, io.colour))
    return 0
  }
  try {
    return await command.run(words.slice(wordsOf(command.name)), io)
  } catch (error) {
    io.progress?.('')
    const message = plain(error instanceof Error ? error.message : 'unknown error')
    io.error(`sallyport ${command.name}: ${message}`)
    if (!(error instanceof UsageError)) return 1
    io.error(`Usage: ${usageOf(command)}\nsallyport ${command.name} --help explains it, with an example.`)
    return 2
  }
}

// What follows the end of options is no option.
function isHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? undefined : end).some((word) => word === '--help' || word === '-h')
}

function helpOn(words: readonly string[], io: Io): number {
  const named = words.filter((word) => !word.startsWith('-'))
  if (named.length > 0 && groupsOf(named[0]).length === 0) return unknownCommand(named, io)
  io.out(overview(named.length === 0 ? commandGroups : groupsOf(named[0]), io.colour))
  return 0
}

/** Commands whose first word is this one: `audit`. */
function groupsOf(word: string | undefined): readonly CommandGroup[] {
  return commandGroups
    .map(({ title, commands }) => ({ title, commands: commands.filter(({ name }) => name.startsWith(`${word} `)) }))
    .filter(({ commands }) => commands.length > 0)
}

function unknownCommand(words: readonly string[], io: Io): number {
  const family = groupsOf(words[0])
  const asked = words.slice(0, family.length > 0 ? 2 : 1).join(' ')
  const names = (family.length > 0 ? family : commandGroups).flatMap(({ commands }) => commands.map(({ name }) => name))
  const hint = family.length > 0 ? nearest(asked, names, shown) : nearestOf(words, names)
  if (family.length > 0 && words.length === 1) io.error(`sallyport: '${plain(asked)}' is not the whole of a command\n\n${overview(family)}`)
  else if (hint !== '') io.error(`sallyport: there is no command '${plain(asked)}'${hint}\nsallyport --help lists the commands.`)
  else io.error(`sallyport: there is no command '${plain(asked)}'\n\n${overview(family.length > 0 ? family : commandGroups)}`)
  return 2
}

const shown = (name: string): string => `sallyport ${name}`

// `sallyport audti verify`, `sallyport verify`, `sallyport descrbe FILE`: all of a command, its last word, its first.
function nearestOf(words: readonly string[], names: readonly string[]): string {
  const [first = '', second] = words
  const last = names.find((name) => name.endsWith(` ${first}`))
  const whole = second === undefined ? '' : nearest(`${first} ${second}`, names, shown)
  return whole || (last === undefined ? nearest(first, names, shown) : `. Did you mean ${shown(last)}?`)
}

function wordsOf(name: string): number {
  return name.split(' ').length
}

// The same place from the source and from what is built of it.
function versionHere(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'
}
