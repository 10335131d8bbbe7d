import type { LeftOut } from './left-out.ts'
import type { Verdict } from './verdict.ts'

/** What came of one host. */
export interface HostResult {
  readonly host: string
  readonly version: string
  readonly seconds: number
  readonly verdict: Verdict
}

/** Every case on every host: rows of cells, the first row a heading. A case is all tests of one attack, or of one file that has no number. */
export function caseRows(results: readonly HostResult[]): readonly (readonly string[])[] {
  const cases = [...new Set(results.flatMap(({ verdict }) => [...verdict.files.keys()].map(caseOf)))].sort((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  )
  const cell = ({ verdict: { files } }: HostResult, name: string): string => {
    const counts = [...files].flatMap(([file, count]) => (caseOf(file) === name ? [count] : []))
    const sum = (key: 'passed' | 'failed' | 'leftOut' | 'seconds'): number => counts.reduce((total, count) => total + count[key], 0)
    const said = [[sum('passed'), ''] as const, [sum('failed'), ' failed'] as const, [sum('leftOut'), ' left out'] as const]
    const numbers = said.filter(([count, what]) => count > 0 && what !== '').map(([count, what]) => `${count}${what}`)
    const passed = sum('passed')
    const counted = [...(passed > 0 || numbers.length === 0 ? [`${passed}`] : []), ...numbers].join(', ')
    return passed === 0 ? counted : `${counted} (${sum('seconds').toFixed(1)} s)`
  }
  return [
    ['case', ...results.map(({ host }) => host)],
    ...cases.map((name) => [name, ...results.map((result) => cell(result, name))]),
    ['passed', ...results.map(({ verdict }) => `${verdict.passed}`)],
    ['failed', ...results.map(({ verdict }) => `${verdict.failed.length}`)],
    ['left out', ...results.map(({ verdict }) => `${verdict.leftOut.length}`)],
    ['seconds', ...results.map(({ seconds }) => seconds.toFixed(1))],
  ]
}

function caseOf(file: string): string {
  const number = /^a(\d\d)-/.exec(file)?.[1]
  return number === undefined ? file.replaceAll('-', ' ') : `A${Number(number)}`
}

/** The same for a terminal. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2))).join(''))
    .join('\n')
}

/** The whole result as Markdown. */
export function markdownReport(results: readonly HostResult[], leftOut: readonly LeftOut[], machine: string): string {
  const [heading = [], ...rows] = caseRows(results)
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const hosts = results.map(({ host, version }) => `${host} (${version})`)
  return `# Runtimes

The same guard gives the same decisions on every runtime. [\`test/conformance/\`](../test/conformance) runs unchanged on all of these:
${hosts.join(', ')}.

Each also writes decisions, masked texts, tokens with proofs of possession, sealed values and streams, a signed policy and a log, and each reads
what every other one wrote (\`exchange between runtimes\`).

\`\`\`sh
npm run test:runtimes                                   # all of it, on all of them: npx brings what is not here
npm run test:runtimes -- bun deno a18                   # some runtimes, and the files that begin so
npm run test:runtimes -- --report docs/runtimes.md      # writes this page
\`\`\`

How many tests passed, and the seconds that they took with ${machine}:

${[line(heading), line(heading.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')}

${leftOut.length === 0 ? 'Nothing was left out.' : 'Left out:\n'}
${leftOut.map(({ on, tests, reason }) => `- on ${on === '*' ? 'all' : on}, ${tests.replace(/^.* > /, '')}: it ${reason}`).join('\n')}
`
}
