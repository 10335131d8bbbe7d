// What each host runs: the suite, and what the other hosts wrote; or it only writes.
import { type Report, type RunOptions, run, test } from './harness.ts'

/** What a host is told. */
export interface HostOptions extends RunOptions {
  /** Only write what the others are to read, and report it. */
  readonly writes?: boolean
  /** What each host has written, by its name: this one is to read all of it. */
  readonly written?: Readonly<Record<string, unknown>>
}

type Files = Readonly<Record<string, () => Promise<unknown>>>

/** Does what a host is told. */
export async function runHost(files: Files, report: (report: Report) => void, options: HostOptions): Promise<void> {
  // Property tests draw the same cases everywhere.
  await import('../seed.ts')
  const { writes, written } = options
  if (writes === true) {
    const { write } = await import('../conformance/exchange/write.ts')
    report({ kind: 'made', value: await write() })
    report({ kind: 'end' })
  } else await run(written === undefined ? files : { ...files, [readFile]: () => declareReadings(written) }, report, options)
}

/** The name under which these tests are reported. */
export const readFile = 'exchange-between-runtimes'

async function declareReadings(written: Readonly<Record<string, unknown>>): Promise<void> {
  const { readings } = await import('../conformance/exchange/read.ts')
  for (const [host, made] of Object.entries(written))
    for (const [name, read] of readings) test(`what ${host} wrote: ${name}`, () => read(made as Parameters<typeof read>[0]))
}
