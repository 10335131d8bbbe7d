import { type Bar, barChart } from './bar-chart.ts'
import { type Bench, benches } from './benches.ts'
import { compare, driftOf, isComparable, isSame } from './compare.ts'
import { type Figure, limitOf } from './figure.ts'
import { lineChart } from './line-chart.ts'
import type { Machine, Results, Run } from './results.ts'
import { shown } from './scale.ts'
import type { Soak } from './soak-results.ts'
import { soakSection } from './soak-section.ts'

/** The report as files: their names and what is in them. */
export type Files = Readonly<Record<string, string>>

/** Draws the whole report. */
export function drawReport(results: Results, soaks: readonly Soak[]): Files {
  const files: Record<string, string> = {}
  const known = benches.flatMap((bench) => {
    const found = results.benches[bench.name]
    return found === undefined ? [] : [{ bench, ...found }]
  })
  const sections = known.map(({ bench, now, last }) => section(bench, now, last, files))
  const parts = [intro, machines(known.map(({ bench, now }) => [bench.title, now] as const)), summary(known), ...sections]
  for (const [index, soak] of soaks.entries()) parts.push(soakSection(soak, files, index === 0 ? 'soak' : `soak-${index + 1}`))
  files['README.md'] = `${parts.filter((part) => part !== '').join('\n\n')}\n`
  return files
}

const intro = `# Benchmarks

Written by \`npm run bench\`, which measures, compares with the last time and draws this page; \`npm run bench -- policy limits\` measures some, and
\`npm run bench -- --draw\` only draws. What is measured stands in [\`test/bench\`](../../test/bench), and the figures in [\`results.json\`](results.json).

Figures are processor time of all threads unless they say otherwise: it depends less than time by the clock on who else is at work. Everything
that stands in one table is measured in turns in one process. A figure is the median of its rounds; its spread is from quarter to quarter. **slower**
stands where a figure is worse than the last time by more than the spread of either run and by more than 3 %; what the others in the same bench
were worse by stands beside it, since that is the machine.`

type Named = readonly [string, Run]

function machines(runs: readonly Named[]): string {
  const line = ({ cpu, cores, memory, node, platform }: Machine): string => `${cpu}, ${cores} cores, ${memory}, Node ${node}, ${platform}`
  if (runs.length === 0) return 'Nothing was measured yet.'
  const groups = new Map<string, Named[]>()
  for (const named of runs) {
    const key = line(named[1].machine)
    groups.set(key, [...(groups.get(key) ?? []), named])
  }
  const rows = [...groups].map(([machine, list]) => {
    const dates = [...new Set(list.map(([, { date }]) => date.slice(0, 10)))].sort().join(', ')
    const commits = [...new Set(list.flatMap(([, { commit }]) => (commit === undefined ? [] : [`\`${commit}\``])))].join(', ')
    const loads = list.flatMap(([, { load }]) => (load === undefined ? [] : [load]))
    const busy = loads.length === 0 ? '' : [...new Set([Math.min(...loads), Math.max(...loads)])].map(shown).join(' to ')
    return `| ${groups.size === 1 ? 'all' : list.map(([title]) => title).join(', ')} | ${machine} | ${dates} | ${commits} | ${busy} |`
  })
  const peers = Object.entries(Object.assign({}, ...runs.map(([, run]) => run.peers)) as Record<string, string>)
  const versions = peers.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, version]) => `${name} ${version}`)
  return `| measured | on | when | commit | load when it began |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n\nBeside: ${versions.join(', ')}.`
}

function summary(known: readonly { readonly bench: Bench; readonly now: Run }[]): string {
  const rows = known.flatMap(({ bench, now }) => {
    // Of sizes the one that is nearest to the limit, or furthest beyond it.
    const worst = new Map<string, { figure: Figure; limit: number; part: number }>()
    for (const figure of now.figures) {
      const limit = limitOf(figure, now.figures)
      if (limit === undefined) continue
      const part = figure.better === 'less' ? figure.median / limit : limit / figure.median
      const key = `${figure.table}\n${figure.subject}`
      if (part > (worst.get(key)?.part ?? Number.NEGATIVE_INFINITY)) worst.set(key, { figure, limit, part })
    }
    return [...worst.values()].map(({ figure, limit }) => {
      const what = `${bench.title}: ${figure.table}, ${figure.subject}${sizeText(figure)}`
      return `| ${what} | ${shown(figure.median)} ${figure.unit} | ${askedText(figure, limit)} | ${isKept(figure, limit) ? 'kept' : '**missed**'} |`
    })
  })
  return rows.length === 0 ? '' : `## What is asked\n\n| | median | asked | |\n| --- | ---: | --- | --- |\n${rows.join('\n')}`
}

const sizeText = ({ size }: Figure): string => (size === undefined ? '' : ` at ${size.value.toLocaleString('en')} ${size.of}`)

const askedText = ({ asked = 0, askedOf, better, unit }: Figure, limit: number): string =>
  `at ${better === 'less' ? 'most' : 'least'} ${shown(limit)} ${unit}${askedOf === undefined ? '' : ` (${asked} × ${askedOf})`}`

function isKept({ median, better }: Figure, limit: number): boolean {
  return better === 'less' ? median <= limit : median >= limit
}

function section({ name, title, about }: Bench, now: Run, last: Run | undefined, files: Record<string, string>): string {
  const isNew = last === undefined || !isComparable(now.machine, last.machine)
  const before = isNew ? [] : last.figures
  const drift = driftOf(now.figures, before)
  const tables = [...new Set(now.figures.map(({ table }) => table))].map((table) => {
    const figures = now.figures.filter((figure) => figure.table === table)
    const file = `${name}-${table
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')}.svg`
    const unit = figures[0]?.unit ?? ''
    const isGrowing = figures.some(({ size }) => size !== undefined)
    const heading = `${title}: ${table}`
    const rows = isGrowing ? growthTable(figures, before) : plainTable(figures, before)
    const shownAs = `### ${table.charAt(0).toUpperCase()}${table.slice(1)}, ${unit}\n\n`
    // One figure needs no plot.
    if (figures.length === 1) return shownAs + rows
    files[file] = isGrowing ? growthChart(heading, unit, figures) : bars(heading, unit, figures, before)
    return `${shownAs}![${heading}, ${unit}](${file})\n\n${rows}`
  })
  const since = isNew
    ? last === undefined
      ? ''
      : ' The last time it ran elsewhere, so nothing is compared.'
    : ` Compared with ${last.date.slice(0, 10)}${last.commit === undefined ? '' : ` (\`${last.commit}\`)`}${drift === undefined ? '' : `; the others took ${shown(drift)} times as much as then`}.`
  return `## ${title}\n\n${about}${since}\n\n${tables.join('\n\n')}`
}

function lastText(figure: Figure, before: readonly Figure[]): string {
  const compared = compare(
    figure,
    before.find((other) => isSame(figure, other)),
  )
  if (compared === undefined) return ''
  const { verdict, times } = compared
  if (verdict === 'same') return 'same'
  const said = `${verdict}, ${shown(times)} ×`
  // Slower is a word for time; of what else got worse it would be wrong.
  const worse = verdict === 'slower' && !isTime(figure) ? `worse, ${shown(times)} ×` : said
  return verdict === 'slower' ? `**${worse}**` : isTime(figure) ? said : `better, ${shown(times)} ×`
}

const isTime = ({ unit }: Figure): boolean => /^(µs|ms|s)\b|a (CPU )?second$/.test(unit)

const spreadText = ({ low, high }: Figure): string => (low === high ? '' : `${shown(low)} to ${shown(high)}`)

/** A table of Markdown; columns in which nothing stands are left out. */
function markdownTable(columns: readonly { readonly head: string; readonly isNumber?: boolean; readonly cells: readonly string[] }[]): string {
  const kept = columns.filter(({ cells }, index) => index === 0 || cells.some((cell) => cell !== ''))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rows = kept[0]?.cells.map((_, row) => line(kept.map(({ cells }) => cells[row] ?? ''))) ?? []
  return [line(kept.map(({ head }) => head)), line(kept.map(({ isNumber }) => (isNumber === true ? '---:' : '---'))), ...rows].join('\n')
}

const nameOf = ({ subject, peer }: Figure): string => (peer === true ? subject : `**${subject}**`)

function plainTable(figures: readonly Figure[], before: readonly Figure[]): string {
  const first = figures.find(({ peer }) => peer !== true)
  const limits = figures.map((figure) => limitOf(figure, figures))
  const isBeside = first !== undefined && figures.some(({ peer }) => peer === true)
  return markdownTable([
    { head: '', cells: figures.map(nameOf) },
    { head: 'median', isNumber: true, cells: figures.map(({ median }) => shown(median)) },
    { head: 'spread', isNumber: true, cells: figures.map(spreadText) },
    { head: `times ${first?.subject}`, isNumber: true, cells: figures.map(({ median }) => (isBeside ? shown(median / first.median) : '')) },
    { head: 'asked', cells: figures.map((figure, index) => (limits[index] === undefined ? '' : askedText(figure, limits[index]))) },
    { head: 'against the last time', cells: figures.map((figure) => lastText(figure, before)) },
  ])
}

function growthTable(figures: readonly Figure[], before: readonly Figure[]): string {
  const sizes = [...new Set(figures.map(({ size }) => size?.value ?? 0))].sort((one, other) => one - other)
  const of = figures[0]?.size?.of ?? ''
  const rows = [...new Set(figures.map(({ subject }) => subject))].map((subject) =>
    sizes.map((size) => figures.find((figure) => figure.subject === subject && figure.size?.value === size)),
  )
  const given = rows.map((row) => row.filter((figure) => figure !== undefined))
  const changes = given.map((row) => {
    const said = row.map((figure) => ({ figure, last: lastText(figure, before) })).filter(({ last }) => last !== '')
    const changed = said.filter(({ last }) => last !== 'same').map(({ figure, last }) => `${figure.size?.value.toLocaleString('en')}: ${last}`)
    return changed.length > 0 ? changed.join('; ') : said.length > 0 ? 'same' : ''
  })
  const cell = (figure: Figure | undefined): string =>
    figure === undefined ? '' : `${shown(figure.median)}${spreadText(figure) === '' ? '' : ` (${spreadText(figure)})`}`
  const growth = (row: readonly Figure[]): string => (row.length < 2 ? '' : `${shown((row.at(-1)?.median ?? 0) / (row[0]?.median ?? 1))} ×`)
  return markdownTable([
    { head: '', cells: given.map(([first]) => (first === undefined ? '' : nameOf(first))) },
    ...sizes.map((size, index) => ({ head: `${size.toLocaleString('en')} ${of}`, isNumber: true, cells: rows.map((row) => cell(row[index])) })),
    { head: 'growth', isNumber: true, cells: given.map(growth) },
    { head: 'against the last time', cells: changes },
  ])
}

function bars(title: string, unit: string, figures: readonly Figure[], before: readonly Figure[]): string {
  const drawn = figures.map((figure): Bar => {
    const said = lastText(figure, before)
    const { subject, median, low, high, peer } = figure
    const asked = limitOf(figure, figures)
    return {
      label: subject,
      value: median,
      low,
      high,
      isPeer: peer === true,
      ...(asked !== undefined && { asked }),
      ...(said.startsWith('**') && { worse: said.replaceAll('*', '') }),
    }
  })
  return barChart({
    title,
    subtitle: `${unit}; ${figures[0]?.better === 'more' ? 'more' : 'less'} is better; line: from quarter to quarter`,
    bars: drawn,
  })
}

function growthChart(title: string, unit: string, figures: readonly Figure[]): string {
  const lines = [...new Set(figures.map(({ subject }) => subject))].map((subject) => {
    const own = figures.filter((figure) => figure.subject === subject)
    const points = own.map(({ size, median, low, high }) => ({ x: size?.value ?? 0, y: median, low, high }))
    return { label: subject, points: points.sort((one, other) => one.x - other.x), isPeer: own[0]?.peer === true }
  })
  const subtitle = `${unit}; ${figures[0]?.better === 'more' ? 'more' : 'less'} is better; upright lines: from quarter to quarter`
  return lineChart({ title, subtitle, along: figures[0]?.size?.of ?? '', lines })
}
