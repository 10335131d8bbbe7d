import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Brought } from './bring.ts'
import { type Child, startChild } from './child.ts'
import type { HostOptions } from './exchange.ts'
import type { Report } from './harness.ts'
import type { Runtime } from './runtimes.ts'

/** What came of a run. */
export interface Outcome {
  readonly reports: readonly Report[]
  /** Seconds from one report to the next, by the file that the later one is about. */
  readonly spent?: ReadonlyMap<string, number>
  /** Why there are no more reports; undefined where the suite came to its end. */
  readonly failure?: string
}

/** Runs the suite that is in a folder on a runtime. */
export async function runSuite(
  { name, flags, host }: Runtime,
  { path }: Brought,
  folder: string,
  options: HostOptions,
  timeout: number,
): Promise<Outcome> {
  const reports: Report[] = []
  const spent = new Map<string, number>()
  let heard = performance.now()
  const take = (line: string): void => {
    const report = readReport(line)
    if (report === undefined) return
    const now = performance.now()
    const file = 'test' in report ? fileOf(report.test) : ''
    spent.set(file, (spent.get(file) ?? 0) + (now - heard) / 1_000)
    heard = now
    reports.push(report)
  }
  const run = host === 'process' ? runProcess : runWorker
  // By a file: what hosts wrote for each other is longer than an argument may be.
  const given = join(folder, `options-${name}.json`)
  writeFileSync(given, JSON.stringify(options))
  const failure = await run(path, flags, folder, given, timeout, take)
  const isWhole = reports.at(-1)?.kind === 'end' && failure === undefined
  return { reports, spent, ...(!isWhole && { failure: failure ?? 'it ended before the suite did' }) }
}

/** The file that a test stands in, by the test's full name. */
export function fileOf(test: string): string {
  return test.split(' > ', 1)[0] ?? ''
}

type Run = (
  path: string,
  flags: readonly string[],
  folder: string,
  options: string,
  timeout: number,
  take: (line: string) => void,
) => Promise<string | undefined>

const runProcess: Run = async (path, flags, folder, options, timeout, take) => {
  const child = startChild(path, [...flags, join(folder, 'process.js'), options], { cwd: folder, timeout, onLine: take })
  return explained(await child.ended, child)
}

const runWorker: Run = async (path, flags, folder, options, timeout, take) => {
  let found: ((port: number) => void) | undefined
  const listening = new Promise<number>((resolve) => (found = resolve))
  const child = startChild(path, [...flags, join(folder, 'workerd.capnp'), '--control-fd=3'], {
    cwd: folder,
    timeout,
    onLine(line, channel) {
      const port = channel === 3 ? /"port":(\d+)/.exec(line)?.[1] : undefined
      if (port !== undefined) found?.(Number(port))
    },
  })
  const asked = listening.then(async (port) => {
    try {
      const { body, status } = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: readFileSync(options) })
      if (status !== 200 || body === null) return `it answers ${status}`
      let rest = ''
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const parts = (rest + text).split('\n')
        rest = parts.pop() ?? ''
        for (const line of parts) take(line)
      }
      return undefined
    } catch (error) {
      return `its answer broke off: ${error instanceof Error ? error.message : 'for no reason'}`
    }
  })
  const failure = await Promise.race([asked, child.ended.then((reason) => reason ?? 'it ended by itself')])
  child.stop()
  const late = await child.ended
  return explained(late ?? failure, child)
}

function explained(failure: string | undefined, child: Child): string | undefined {
  return failure === undefined ? undefined : `${failure}\n${child.said()}`.trim()
}

// A test may write to the output as well: what is no report is not for us.
function readReport(line: string): Report | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'kind' in value ? (value as Report) : undefined
  } catch {
    return undefined
  }
}
