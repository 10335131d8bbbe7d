import { lineChart } from './line-chart.ts'
import { shown } from './scale.ts'
import type { Soak, SoakRow } from './soak-results.ts'

type Column = Exclude<keyof SoakRow, 'at' | 'load'>

/** Draws the soak, and says what held. */
export function soakSection(soak: Soak, files: Record<string, string>, name: string): string {
  const { rows, collected, machine } = soak
  const minutes = Math.round(soak.seconds / 60)
  const lasted = Math.round((rows.at(-1)?.at ?? 0) / 60)
  const late = lasted > minutes + 1 ? ` It took ${lasted}, since the machine was too busy at times to keep that rate.` : ''
  const draw = (
    file: string,
    title: string,
    unit: string,
    lines: Readonly<Record<string, Column>>,
    more: Parameters<typeof lineChart>[0]['lines'] = [],
  ) => {
    const own = Object.entries(lines).map(([label, column]) => ({
      label,
      isPeer: false,
      points: rowsWith(rows, column).map((row) => ({ x: row.at / 60, y: row[column] })),
    }))
    files[file] = lineChart({ title, subtitle: `${unit}, of each half minute`, along: 'minutes', isTime: true, lines: [...own, ...more] })
    return `![${title}](${file})`
  }
  const heap = { label: 'heap, collected', isPeer: false, points: collected.map(({ at, heap }) => ({ x: at / 60, y: heap })) }
  const memory = draw(
    `${name}-memory.svg`,
    'Soak: memory of the gateway',
    'megabytes',
    { 'resident set': 'rss', 'heap, highest': 'heapHigh', 'heap, lowest': 'heapLow' },
    heap.points.length > 1 ? [heap] : [],
  )
  const delay = draw(`${name}-event-loop-delay.svg`, 'Soak: event-loop delay of the gateway', 'milliseconds', {
    '99 %': 'delay99',
    median: 'delay50',
  })
  const latency = draw(`${name}-p99.svg`, 'Soak: how long calls take', 'milliseconds', {
    'whole, 99 %': 'json99',
    'whole, median': 'json50',
    'streamed, 99 %': 'stream99',
    'streamed, median': 'stream50',
  })
  const lag = draw(`${name}-log-lag.svg`, 'Soak: from append to durable', 'milliseconds', { '99 %': 'append99', median: 'append50' })
  const busy = rows.filter(({ load }) => load !== undefined).map(({ at, load = 0 }) => ({ x: at / 60, y: load }))
  const others = busy.length > 1 ? `\n\n![${machineTitle}](${name}-machine.svg)` : ''
  if (busy.length > 1)
    files[`${name}-machine.svg`] = lineChart({
      title: machineTitle,
      subtitle: `processes that want to run, in the mean of a minute; ${machine.cores} can`,
      along: 'minutes',
      isTime: true,
      lines: [{ label: 'load', isPeer: false, points: busy }],
    })
  const held = Object.entries(soak.held).map(([what, holds]) => `- ${holds ? 'holds' : '**does not hold**'}: ${what}`)
  const trends = (['rss', 'heapLow', 'delay99', 'append99', 'json99'] as const).map((column) => trendRow(names[column], rows, column))
  const answered = Object.entries(soak.answered).map(([kind, count]) => `${count.toLocaleString('en')} ${kinds[kind] ?? kind}`)
  return `## Soak of ${minutes} minutes

\`${soak.command}\`, ${soak.date.slice(0, 10)}${soak.commit === undefined ? '' : ` (\`${soak.commit}\`)`}, on ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}: ${minutes} minutes at ${soak.rate} calls a second of the gateway of
\`examples/gateway\`, ${soak.calls.toLocaleString('en')} calls in all: ${answered.join(', ')}, and ${soak.left.toLocaleString('en')} clients that left before their answer was complete.${late} Their tokens are
renewed all the time, and each that was verified is remembered, 10,000 at most: until there were as many, the heap grows by them.${busy.length > 1 ? ' The last plot\nshows how busy the machine was, with what else ran on it.' : ''}

Afterwards the log had ${soak.records.entries.toLocaleString('en')} entries: ${soak.records.decisions.toLocaleString('en')} decisions and ${soak.records.outcomes.toLocaleString('en')} outcomes, and ${soak.records.refusals.toLocaleString('en')} refusals of callers that nobody knows, which are counted together.

${held.join('\n')}

| | first quarter | last quarter | |
| --- | ---: | ---: | ---: |
${trends.join('\n')}

Heap after a garbage collection: ${collected.map(({ at, heap }) => `${shown(heap)} MB after ${Math.round(at / 60)} minutes`).join(', ')}.

${memory}

${delay}

${latency}

${lag}${others}`
}

const machineTitle = 'Soak: how busy the machine was, with all that ran on it'

const names = {
  rss: 'resident set, MB',
  heapLow: 'lowest heap, MB',
  delay99: 'event-loop delay, 99 %, ms',
  append99: 'from append to durable, 99 %, ms',
  json99: 'whole answers, 99 %, ms',
} as const

const kinds: Readonly<Record<string, string>> = {
  json: 'whole answers',
  stream: 'streams',
  denied: 'calls that policy denies',
  limited: 'of a caller in a hurry',
  unknown: 'with tokens that are none',
}

/** Half minutes in which there was something to measure: one without an answer tells nothing of how long answers take. */
function rowsWith(rows: readonly SoakRow[], column: Column): readonly SoakRow[] {
  return /^(json|stream|append)/.test(column) ? rows.filter((row) => row[column] > 0) : rows
}

/** Medians of the first and of the last quarter, and what became of it. */
function trendRow(name: string, all: readonly SoakRow[], column: Column): string {
  const rows = rowsWith(all, column)
  const quarter = Math.max(1, Math.floor(rows.length / 4))
  const median = (list: readonly SoakRow[]): number =>
    list.map((row) => row[column]).sort((one, other) => one - other)[list.length >> 1] ?? Number.NaN
  const [first, last] = [median(rows.slice(0, quarter)), median(rows.slice(-quarter))]
  return `| ${name} | ${shown(first)} | ${shown(last)} | ${shown(last / first)} × |`
}
