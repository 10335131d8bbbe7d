import { accessReviewCommand } from './access-review.ts'
import { auditProve } from './audit-prove.ts'
import { auditServe } from './audit-serve.ts'
import { auditTail } from './audit-tail.ts'
import { auditVerify } from './audit-verify.ts'
import { describeCommand } from './describe.ts'
import { plain, processIo, UsageError } from './io.ts'
import type { ExitCode, Io } from './io.ts'
import { keysNew } from './keys-new.ts'
import { limitsTop } from './limits-top.ts'
import { policyCheck } from './policy-check.ts'
import { policyDiffCommand } from './policy-diff.ts'
import { policyExplain } from './policy-explain.ts'
import { policySign } from './policy-sign.ts'
import { policyTest } from './policy-test.ts'

/** One command of `sallyport`. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Shown for `--help`: what it does, its options, an example. */
  readonly help: string
  run(args: readonly string[], io: Io): Promise<ExitCode>
}

const commands: readonly Command[] = [
  auditVerify,
  auditTail,
  auditProve,
  auditServe,
  policyCheck,
  policyExplain,
  policyTest,
  policySign,
  policyDiffCommand,
  accessReviewCommand,
  limitsTop,
  describeCommand,
  keysNew,
]

/**
 * The `sallyport` command.
 *
 * @returns 0 when what was asked holds, 1 when it does not, 2 when the call is wrong.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const command = commands.find(({ name }) => name === argv.slice(0, 2).join(' ') || name === argv[0])
  const wantsHelp = argv.includes('--help') || argv.includes('-h')
  if (command === undefined) {
    if (argv.length === 0 || wantsHelp || argv[0] === 'help') {
      io.out(overview())
      return 0
    }
    io.error(`sallyport: there is no command '${plain(argv.slice(0, 2).join(' '))}'\n\n${overview()}`)
    return 2
  }
  if (wantsHelp) {
    io.out(command.help)
    return 0
  }
  try {
    return await command.run(argv.slice(command.name.split(' ').length), io)
  } catch (error) {
    io.progress?.('')
    const message = error instanceof Error ? error.message : 'unknown error'
    if (isUsage(error)) {
      io.error(`sallyport ${command.name}: ${plain(message)}\n\n${command.help}`)
      return 2
    }
    io.error(`sallyport ${command.name}: ${plain(message)}`)
    return 1
  }
}

// `parseArgs` names its own errors by codes.
function isUsage(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'sallyport: zero trust for AI applications',
    '',
    ...commands.map(({ name, summary }) => `  sallyport ${name.padEnd(width)}  ${summary}`),
    '',
    'Each takes --help. Exit 0: it holds. 1: it does not. 2: the call is wrong.',
  ].join('\n')
}
