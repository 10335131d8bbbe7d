import { type Command, command } from './command.ts'
import { accessReview } from '../access-review/access-review.ts'
import { plain, UsageError } from './io.ts'
import { openRecords } from './log-records.ts'
import { readPolicy, signedArguments } from './policy-file.ts'
import { recordArguments, recordOptions } from './record-options.ts'
import { reviewText } from './review-text.ts'
import { writeNew } from './write-new.ts'

export const accessReviewCommand: Command = command({
  name: 'access review',
  summary: 'compares granted with used rights, and writes the tighter policy',
  operands: ['POLICY'],
  missing: 'give the file of one policy',
  about:
    'Compares what a policy grants with what was used of it: by role and by caller, what was never used, what once, and when last; roles by which nobody did anything, and rules that never decided. Then it writes the tighter policy: the same rules without what nobody used. It permits everything that was let through and nothing that the old one refuses, which is shown by replaying every record against it.',
  options: {
    ...recordArguments,
    ...signedArguments,
    subjects: {
      type: 'string',
      choices: ['ids', 'as-written'],
      default: 'as-written',
      help: 'narrow permits to each caller by its id (ids), not only to the roles that used them',
    },
    write: { type: 'string', value: 'FILE', help: 'write the tighter policy there. Never over a file' },
    all: { type: 'boolean', help: 'list everything, not only the first of it' },
    json: { type: 'boolean', help: 'the whole review as JSON, the tighter policy with it' },
  },
  examples: ['sallyport access review policy.json --log var/audit --key bot.vkey --anchor /mnt/audit --write tighter.json'],
  exits: [
    'it is done, the log can be trusted and the tighter policy is proven',
    'it is not, or there was nothing to review; then nothing is written',
  ],
  async run(values, [path], io) {
    const { subjects = 'as-written', write } = values
    if (subjects !== 'as-written' && subjects !== 'ids') throw new UsageError('--subjects must be ids, or as-written')
    const { log, options } = await recordOptions(values)
    const { source } = await readPolicy(path, values['signed-by'])
    const { records, standing } = await openRecords(log, io)
    const review = await accessReview(source, records, { ...options, subjects })
    io.progress?.('')
    const worth = standing()
    if (values.json === true) io.out(plain(JSON.stringify({ log: worth, ...review })))
    else for (const line of reviewText(review, worth, values.all === true)) io.out(plain(line))
    const complaint = !worth.trusted
      ? 'The log cannot be trusted that far: see the notes above.'
      : review.records.allowed === 0
        ? 'No call was let through in that time: there is nothing to go by.'
        : review.proof.holds
          ? undefined
          : 'The tighter policy is not proven.'
    if (complaint !== undefined) {
      io.error(complaint)
      if (write !== undefined) io.error(`Nothing was written to ${plain(write)}.`)
      return 1
    }
    if (write !== undefined && !(await writeNew(write, `${JSON.stringify(review.tighter, undefined, 2)}\n`))) {
      io.error(`There is a file ${plain(write)} already, and it stays as it is.`)
      return 1
    }
    return 0
  },
})
