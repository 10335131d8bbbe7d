import { type Command, command } from './command.ts'
import { storedEntries } from '../audit-log/file-entries.ts'
import { parseEntry } from '../audit-log/record.ts'
import { planPrices, type Prices } from '../limits/prices.ts'
import { plain, UsageError } from './io.ts'
import { readJson } from './json-file.ts'
import { recordOptions } from './record-options.ts'
import { type Spender, spenders, type Spent, SpentTally } from './spent-tally.ts'

const sorts = ['cost', 'tokens', 'calls', 'limited'] as const
// It stands in every record of how a call ended; in a text that only quotes it there would be backslashes.
const mark = '"kind":"outcome"'

export const limitsTop: Command = command({
  name: 'limits top',
  summary: 'shows who spends most',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about: 'Shows who spends most, by what a log says of how calls ended. Nothing is verified: for that there is audit verify.',
  options: {
    by: { type: 'string', value: 'WHO', choices: spenders, default: 'subject', help: 'whom to tell apart' },
    sort: {
      type: 'string',
      value: 'COLUMN',
      choices: sorts,
      help: 'tokens unless given, or cost where there are prices; limited counts calls that a limit was in the way of',
    },
    lines: { type: 'string', value: 'COUNT', short: 'n', default: '10', help: 'how many' },
    prices: { type: 'string', value: 'FILE', help: "what tokens cost, by model, as rateLimit takes it; a model is a resource's id" },
    from: { type: 'string', value: 'DATE', help: 'only calls that ended from then on: a date, or a moment with its zone' },
    to: { type: 'string', value: 'DATE', help: 'only calls that ended before then' },
    json: { type: 'boolean', help: 'one line of JSON for each' },
  },
  examples: ['sallyport limits top var/audit --by tenant --from 2026-01-01 --prices prices.json'],
  exits: ['it was shown', 'there is no log, or it cannot be read'],
  async run(values, [directory], io) {
    if (!/^[1-9]\d{0,5}$/.test(values.lines)) throw new UsageError('-n must be a number from 1 to 999999')
    const by = oneOf(spenders, values.by, '--by')
    const sort = oneOf(sorts, values.sort ?? (values.prices === undefined ? 'tokens' : 'cost'), '--sort')
    if (sort === 'cost' && values.prices === undefined) throw new UsageError('--sort cost needs --prices')
    const { options } = await recordOptions({ log: directory, from: values.from, to: values.to })
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = options
    const tally = new SpentTally(by, values.prices === undefined ? undefined : await readPrices(values.prices))
    for await (const { text } of storedEntries(directory)) {
      const record = text.includes(mark) ? parseEntry(text) : undefined
      if (record !== undefined && record.time >= from && record.time < to) tally.add(record)
    }
    const top = tally.top(sort, Number(values.lines))
    for (const line of values.json === true ? top.map((spent) => JSON.stringify(spent)) : table(by, top)) io.out(plain(line))
    if (tally.unpriced > 0) io.error(`note: ${tally.unpriced} calls were of models without a price`)
    if (tally.hasOthers) io.error('note: there were more than can be told apart; some are among the others')
    return 0
  },
})

async function readPrices(path: string): Promise<ReturnType<typeof planPrices>> {
  const prices = await readJson(path)
  try {
    return planPrices(prices as Prices, path)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : `${path} holds no prices`)
  }
}

function oneOf<Word extends string>(words: readonly Word[], value: string, option: string): Word {
  const word = words.find((each) => each === value)
  if (word === undefined) throw new UsageError(`${option} must be one of ${words.join(', ')}`)
  return word
}

const number = new Intl.NumberFormat('en-US')

function table(by: Spender, top: readonly Spent[]): readonly string[] {
  const columns: readonly (readonly [string, (spent: Spent) => string])[] = [
    ...(top.some(({ cost }) => cost !== undefined) ? [['cost', (spent: Spent) => ((spent.cost ?? 0) / 1e6).toFixed(6)] as const] : []),
    ['input tokens', ({ inputTokens }) => number.format(inputTokens)],
    ['output tokens', ({ outputTokens }) => number.format(outputTokens)],
    ['calls', ({ calls }) => number.format(calls)],
    ['unreported', ({ unreported }) => number.format(unreported)],
    ['limited', ({ limited }) => number.format(limited)],
  ]
  const line = (cells: readonly string[], who: string): string => `${cells.map((cell) => cell.padStart(15)).join('')}  ${who}`
  const head = line(
    columns.map(([name]) => name),
    by,
  )
  return [
    head,
    ...top.map((spent) =>
      line(
        columns.map(([, cell]) => cell(spent)),
        spent.who,
      ),
    ),
  ]
}
