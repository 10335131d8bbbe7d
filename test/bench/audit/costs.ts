import { decision } from './record.ts'
import { tell } from '../report/figure.ts'
import { bare, pinoWriter, plainGroupCommit, sallyport, settle, sqlite, type Writer } from './writers.ts'

const contenders: readonly ((folder: string) => Writer | Promise<Writer>)[] = [
  sallyport,
  plainGroupCommit,
  bare,
  (folder) => pinoWriter(folder, true),
  (folder) => pinoWriter(folder, false),
  sqlite,
]

interface Run {
  /** Microseconds of processor time a record, all threads. */
  readonly cpu: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p99: number
}

/** What a record costs, with a thousand and with a hundred in flight. Interleaved: each round has all of them. */
export async function printCosts(folder: string): Promise<void> {
  for (const callers of [1_000, 100]) {
    const runs = new Map<string, { writer: Writer; runs: Run[] }>()
    for (let round = 0; round < 6; round++)
      for (const make of contenders) {
        const writer = await make(folder)
        const run = await measure(writer, callers, 50_000)
        await writer.close()
        await settle(folder)
        const known = runs.get(writer.name) ?? { writer, runs: [] }
        // The first round warms up.
        if (round > 0) known.runs.push(run)
        runs.set(writer.name, known)
      }
    console.log(`\n${callers} in flight, median of 5`)
    console.log('                          µs CPU   a second   p99 ms   promise')
    for (const [name, { writer, runs: all }] of runs) {
      const told = { bench: 'audit', subject: `${name} (${writer.promise})`, peer: name !== 'sallyport' }
      tell({
        ...told,
        table: `a record, ${callers} in flight`,
        unit: 'µs',
        values: all.map(({ cpu }) => cpu),
        ...(name === 'sallyport' && { asked: 9 }),
      })
      tell({
        ...told,
        table: `records, ${callers} in flight`,
        unit: 'a second',
        better: 'more',
        values: all.map(({ perSecond }) => perSecond),
        ...(name === 'sallyport' && { asked: 45_000 }),
      })
      const [cpu, perSecond, p99] = (['cpu', 'perSecond', 'p99'] as const).map((what) => median(all.map((run) => run[what])))
      console.log(
        `  ${name.padEnd(22)} ${(cpu ?? 0).toFixed(1).padStart(7)} ${Math.round(perSecond ?? 0)
          .toLocaleString('en')
          .padStart(10)} ${(p99 ?? 0).toFixed(1).padStart(8)}   ${writer.promise}`,
      )
    }
    const [ours, plain] = ['sallyport', 'group commit'].map((name) => runs.get(name)?.runs ?? [])
    const ratios = (ours ?? []).map((run, round) => run.perSecond / (plain?.[round]?.perSecond ?? 1))
    console.log(`  sallyport to group commit, a second: ${median(ratios).toFixed(2)}`)
  }
}

/** Keeps so many in flight until so many are done. */
export async function measure(writer: Writer, callers: number, count: number, from = 0): Promise<Run> {
  const latencies = new Float64Array(count)
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < count) {
      const number = next++
      const began = performance.now()
      await writer.append(decision(from + number))
      latencies[number] = performance.now() - began
    }
  }
  const began = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: callers }, caller))
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - began) / 1_000
  latencies.sort()
  return { cpu: (user + system) / count, perSecond: count / seconds, p99: latencies[Math.floor(count * 0.99)] ?? 0 }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}
