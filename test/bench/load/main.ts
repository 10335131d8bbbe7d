// Throughput and latency of the gateway of the examples under autocannon, with the guard and without it, in turns. Build first: it
// measures `dist`. Each of load, gateway and model is a process of its own, all on loopback. `SECONDS_EACH` and `ROUNDS` say for how long.
import { cpus } from 'node:os'
import { quantile, tell } from '../report/figure.ts'
import { drive } from './drive.ts'
import { startParts } from './parts.ts'
import { bodies, isAnswer, isStream } from './questions.ts'

const seconds = Number(process.env.SECONDS_EACH ?? 4)
const rounds = Number(process.env.ROUNDS ?? 3)
const connections = (process.env.CONNECTIONS ?? '1,64,512').split(',').map(Number)

const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())

// Whoever drives this much load has more callers than one; their limits count and never refuse.
const many = { requests: 1e9, places: 1e5 }
const parts = await startParts([
  { guarded: false, ...many },
  { guarded: true, ...many },
])
const tokens = await Promise.all(
  Array.from({ length: 64 }, (_, index) => parts.issuer.mint({ sub: `user-${index}`, roles: ['analyst'] }, { expiresIn: 3_600 })),
)
let next = 0
const authorization = (): string => `Bearer ${tokens[next++ % tokens.length]}`

interface Run {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of the gateway's own processor time a call. */
  readonly cpu: number
}

const names = { json: 'whole answers', stream: 'streams of 32 events' } as const
const order = ['cpu', 'perSecond', 'p50', 'p99'] as const
const tables: Readonly<Record<keyof Run, string>> = {
  cpu: 'processor time of the gateway',
  perSecond: 'calls',
  p50: 'time of a call, median',
  p99: 'time of a call, 99 %',
}
const units = {
  cpu: { unit: 'µs a call' },
  perSecond: { unit: 'a second', better: 'more' },
  p50: { unit: 'ms' },
  p99: { unit: 'ms' },
} as const

async function run(guarded: boolean, shape: 'json' | 'stream', count: number, duration: number): Promise<Run> {
  const gateway = parts.gateways[guarded ? 1 : 0]
  if (gateway === undefined) throw new Error('there is no such gateway')
  const times: number[] = []
  const isRight = shape === 'json' ? isAnswer : isStream
  const before = await gateway.ask<number>('cpu')
  const began = performance.now()
  const { errors, wrong } = await drive(
    {
      url: gateway.url,
      connections: count,
      duration,
      body: bodies[shape],
      authorization,
      check: (status, body) => status === 200 && isRight(body, guarded),
      answered: ({ time }) => times.push(time),
    },
    stopping.signal,
  )
  const lasted = (performance.now() - began) / 1000
  const cpu = (await gateway.ask<number>('cpu')) - before
  if (errors + wrong > 0 && !stopping.signal.aborted) throw new Error(`${errors} calls failed, ${wrong} answers are wrong`)
  return { perSecond: times.length / lasted, p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpu: cpu / times.length }
}

try {
  for (const guarded of [false, true]) for (const shape of ['json', 'stream'] as const) await run(guarded, shape, 64, 2)
  console.log(`load: ${rounds} rounds of ${seconds} s each, with and without the guard in turns; medians`)
  console.log(`node ${process.version}; load, gateway and model are three processes on ${cpus().length} cores\n`)
  console.log('                              calls a second    p50 ms    p99 ms   CPU µs a call in the gateway')
  for (const shape of ['json', 'stream'] as const)
    for (const count of connections) {
      const runs = new Map<boolean, Run[]>([
        [false, []],
        [true, []],
      ])
      for (let round = 0; round < rounds && !stopping.signal.aborted; round++)
        for (const guarded of [false, true]) runs.get(guarded)?.push(await run(guarded, shape, count, seconds))
      if (stopping.signal.aborted) break
      for (const [guarded, list] of runs) {
        const [cpu, perSecond, p50, p99] = order.map((what) => {
          const values = list.map((one) => one[what])
          const told = { bench: 'load', subject: guarded ? 'with the guard' : 'without the guard', peer: !guarded, ...units[what] }
          tell({ ...told, table: `${tables[what]}, ${names[shape]}`, values, size: { of: 'connections', value: count } })
          return quantile(values, 0.5)
        })
        const name = `${shape}, ${count} connections, ${guarded ? 'guarded' : 'bare'}`
        console.log(
          `${name.padEnd(34)}${(perSecond ?? 0).toFixed(0).padStart(10)}${(p50 ?? 0).toFixed(1).padStart(10)}${(p99 ?? 0).toFixed(1).padStart(10)}${(cpu ?? 0).toFixed(0).padStart(10)}`,
        )
      }
    }
} finally {
  await parts.close()
}
if (stopping.signal.aborted) process.exit(130)
process.exit(0)
