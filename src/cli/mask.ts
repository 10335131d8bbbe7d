import { type Command, command } from './command.ts'
import { type Anonymized, anonymize } from '../anonymize/anonymize.ts'
import { readCsv } from '../anonymize/csv-reader.ts'
import { writeCsv } from '../anonymize/csv-writer.ts'
import { readJsonLines, writeJsonLines } from '../anonymize/json-rows.ts'
import type { AnonymizePlan } from '../anonymize/plan.ts'
import { reasonOf } from '../guard/errors.ts'
import type { MaskMode } from '../masking/modes.ts'
import { loadSurrogates } from '../masking/surrogate.ts'
import { ContentError } from './json-file.ts'
import { plain, UsageError } from './io.ts'
import { detectorsOf, formatOf, formats, type MaskFormat, modeOf, modes, readKey, readPlan } from './mask-options.ts'
import { type MaskReport, reportText } from './mask-report.ts'
import { type MaskSource, maskSource } from './mask-source.ts'
import { maskText } from './mask-text.ts'
import { OutputFile } from './output-file.ts'

export const mask: Command = command({
  name: 'mask',
  summary: 'masks a file, or anonymises a data set',
  operands: ['FILE'],
  missing: 'give one file',
  about:
    'Masks a file: what detectors find in a text, in every value of JSON lines, or in every field of CSV. With a plan it anonymises a data set: each column by its mode, and without the rows of classes that are too small or too much alike.',
  options: {
    out: {
      type: 'string',
      value: 'FILE',
      help: 'where it is written, when all of it is there, readable by you only; to the terminal or pipe unless given',
    },
    force: { type: 'boolean', help: 'also over a file that there is' },
    plan: { type: 'string', value: 'FILE', help: 'JSON as anonymize takes it: columns, quasiIdentifiers, k, sensitive, l, ...' },
    mode: { type: 'string', value: 'MODE', choices: modes, help: 'redact unless given; a plan has modes of its own' },
    detect: {
      type: 'string',
      value: 'NAMES',
      default: 'all',
      help: 'all, pii, secrets, country:CODE, or names such as email,card, with commas between them',
    },
    key: { type: 'string', value: 'FILE', help: 'at least 32 bytes: what hash, pseudonym and surrogate need' },
    format: {
      type: 'string',
      choices: formats,
      help: 'how the file is read; its name says it unless given (.jsonl, .ndjson, .csv, .tsv, else text)',
    },
    'escape-formulas': { type: 'boolean', help: 'in CSV, an apostrophe before what a spreadsheet would compute' },
    'max-suppressed': { type: 'string', value: 'PERCENT', help: 'writes nothing where more than so many percent of the rows would be left out' },
    json: { type: 'boolean', help: 'the report as JSON: to the terminal or pipe with --out, else where errors go' },
  },
  examples: ['sallyport mask people.csv --plan plan.json --key mask.key --out people.anonymous.csv'],
  exits: ['it is masked', 'it is not, and there is no file'],
  async run(values, [path], io) {
    const format = formatOf(path, values.format)
    if (values.plan !== undefined && format === 'text') throw new UsageError('--plan is for data sets: jsonl, csv and tsv')
    if (values.plan !== undefined && values.mode !== undefined) throw new UsageError('--mode and --plan: the plan has modes of its own')
    if (values['escape-formulas'] && format !== 'csv' && format !== 'tsv') throw new UsageError('--escape-formulas is for csv and tsv')
    if (values.force && values.out === undefined) throw new UsageError('--force needs --out')
    const mostSuppressed = percentOf(values['max-suppressed'], values.plan)
    const mode = modeOf(values.mode ?? 'redact')
    const detect = detectorsOf(values.detect)
    const key = values.key === undefined ? undefined : await readKey(values.key)
    await loadSurrogates()
    const source = await maskSource(path, io)
    const work = await prepared(() => workOf({ format, source, mode, detect, key, escapes: values['escape-formulas'] }, values.plan))
    const out = values.out === undefined ? undefined : await OutputFile.create(values.out, values.force)
    if (values.out !== undefined && out === undefined) {
      io.error(plain(`There is a file ${values.out} already, and it stays as it is. --force replaces it.`))
      return 1
    }
    try {
      for await (const piece of work.pieces) await (out === undefined ? io.write(piece) : out.write(piece))
      const report = work.report()
      const problem = tooManySuppressed(report, mostSuppressed)
      if (problem !== undefined) throw new ContentError(problem)
      if (out !== undefined && !(await out.commit())) throw new ContentError(`somebody made ${values.out} meanwhile`)
      io.progress?.('')
      const say = values.json && out !== undefined ? io.out : io.error
      for (const line of values.json ? [JSON.stringify(report)] : reportText(path, report)) say(plain(line))
      return 0
    } catch (error) {
      await out?.discard()
      io.progress?.('')
      // Whoever reads may stop reading, as `head` does.
      if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) io.error(plain(`sallyport mask: ${path}: ${reasonOf(error)}`))
      return 1
    }
  },
})

interface Work {
  readonly pieces: AsyncIterable<string>
  report(): MaskReport
}

interface Task {
  readonly format: MaskFormat
  readonly source: MaskSource
  readonly mode: MaskMode
  readonly detect: ReturnType<typeof detectorsOf>
  readonly key: Uint8Array | undefined
  readonly escapes: boolean
}

async function workOf(task: Task, planFile: string | undefined): Promise<Work> {
  const { format, source, mode, detect, key, escapes } = task
  const keyed = key === undefined ? {} : { key }
  if (format === 'text') return maskText(source.pieces(), { detect, mode, ...keyed })
  const plan: AnonymizePlan = planFile === undefined ? { columns: {}, others: { mode: 'mask', with: mode } } : await readPlan(planFile)
  const delimiter = format === 'tsv' ? '\t' : ','
  const rows = () => (format === 'jsonl' ? readJsonLines(source.pieces()) : readCsv(source.pieces(), { delimiter }))
  const out: Anonymized = anonymize(source.isFile ? rows : rows(), plan, { detect, ...keyed })
  const pieces =
    format === 'jsonl' ? writeJsonLines(out) : writeCsv(out, { delimiter, columns: () => out.columns(), formulas: escapes ? 'escape' : 'keep' })
  return { pieces, report: () => out.report() }
}

// What is wrong with a plan, a mode or a key is wrong with the call.
async function prepared(make: () => Promise<Work>): Promise<Work> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof TypeError || error instanceof ContentError) throw new UsageError(error.message)
    throw error
  }
}

function percentOf(text: string | undefined, plan: string | undefined): number {
  if (text === undefined) return 100
  if (plan === undefined) throw new UsageError('--max-suppressed needs --plan')
  if (!/^\d{1,3}(?:\.\d{1,3})?$/.test(text) || Number(text) > 100) throw new UsageError('--max-suppressed must be a number from 0 to 100')
  return Number(text)
}

function tooManySuppressed({ rows }: MaskReport, most: number): string | undefined {
  if (rows === undefined || rows.in === 0 || (rows.suppressed / rows.in) * 100 <= most) return undefined
  return `${rows.suppressed} of ${rows.in} rows would be left out, which are more than ${most} percent`
}
