import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { accessReview } from '../access-review/access-review.ts'
import { plain, UsageError } from './io.ts'
import { decisionsIn } from './log-records.ts'
import { readPolicy } from './policy-file.ts'
import { recordArguments, recordHelp, recordOptions } from './record-options.ts'
import { reviewText } from './review-text.ts'
import type { Command } from './run.ts'

const help = `sallyport access review POLICY --log DIR [--from DATE] [--to DATE] [--key FILE] [--subjects ids]
                        [--write FILE] [--all] [--json]

Compares what a policy grants with what was used of it: by role and by caller, what was never used, what once, and
when last; roles by which nobody did anything, and rules that never decided. Then it writes the tighter policy: the
same rules without what nobody used. It permits everything that was let through and nothing that the old one
refuses, which is shown by replaying every record against it.

${recordHelp}
  --subjects ids      narrow permits to each caller by its id, not only to the roles that used them
  --write FILE        write the tighter policy there. Never over a file
  --all               list everything, not only the first of it
  --json              the whole review as JSON, the tighter policy with it

  sallyport access review policy.json --log var/audit --from 2026-01-01 --write policy.tighter.json

Exit 0: it is done, and the tighter policy is proven. 1: it is not, or there was nothing to review. 2: the call is wrong.`

export const accessReviewCommand: Command = {
  name: 'access review',
  summary: 'compares granted with used rights, and writes the tighter policy',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...recordArguments,
        subjects: { type: 'string' },
        write: { type: 'string' },
        all: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the file of one policy')
    const { subjects = 'as-written', write } = values
    if (subjects !== 'as-written' && subjects !== 'ids') throw new UsageError('--subjects must be ids, or as-written')
    const { log, options } = await recordOptions(values)
    const { source } = await readPolicy(path)
    const review = await accessReview(source, decisionsIn(log), { ...options, subjects })
    if (values.json === true) io.out(plain(JSON.stringify(review)))
    else for (const line of reviewText(review, values.all === true)) io.out(plain(line))
    const holds = review.proof.holds && review.records.allowed > 0
    if (!holds) {
      io.error(
        review.records.allowed === 0 ? 'No call was let through in that time: there is nothing to go by.' : 'The tighter policy is not proven.',
      )
      if (write !== undefined) io.error(`Nothing was written to ${plain(write)}.`)
      return 1
    }
    if (write !== undefined && !(await writeNew(write, `${JSON.stringify(review.tighter, undefined, 2)}\n`))) {
      io.error(`There is a file ${plain(write)} already, and it stays as it is.`)
      return 1
    }
    return 0
  },
}

async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
