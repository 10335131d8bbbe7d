import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible'
import { redisLimits } from '../../../dist/adapters/redis/index.js'
import { type KeyedLimit, type LimitStore, planLimit } from '../../../dist/index.js'
import { tell } from '../report/figure.ts'

const rounds = Number(process.env.ROUNDS ?? 5)
const concurrent = 100
const keys = Array.from({ length: 1_000 }, (_, index) => `18:https://id.exampleuser-${index}`)
const hour = 3_600

/** What is measured: one call, settled where it can be. */
interface Subject {
  readonly name: string
  /** How many calls a round. */
  readonly calls: number
  /** How many at the same time. */
  readonly concurrent: number
  run(key: string): unknown
}

const plans = [
  planLimit({ name: 'minute', requests: 60, window: 60, burst: 1e9 }),
  planLimit({ name: 'day', requests: 5_000, window: 24 * hour, burst: 1e9 }),
  planLimit({ name: 'tokens', tokens: 100_000, window: hour, burst: 1e12 }),
  planLimit({ name: 'cost', cost: 10_000_000, window: 24 * hour, burst: 1e12 }),
]
const amounts = { requests: 1, tokens: 1_000, cost: 500 }
const spent = { requests: 1, tokens: 700, cost: 350 }

function limitsOf(key: string, count: number): KeyedLimit[] {
  return plans.slice(0, count).map((limit) => ({ limit, key }))
}

function sallyport(name: string, store: LimitStore, count: number, settles: boolean, calls: number): Subject {
  return {
    name,
    calls,
    concurrent,
    async run(key) {
      const answer = await store.reserve(limitsOf(key, count), amounts, 0)
      if (!answer.allowed) throw new Error('refused')
      if (settles) await answer.settle(spent)
    },
  }
}

function flexible(client: Redis): Subject {
  const each = (keyPrefix: string, duration: number) => new RateLimiterRedis({ storeClient: client, keyPrefix, points: 1e9, duration })
  const union = new RateLimiterUnion(each('minute', 60), each('hour', hour), each('day', 24 * hour))
  return { name: 'rate-limiter-flexible, union of 3', calls: 20_000, concurrent, run: (key) => union.consume(key, 1) }
}

// One key that everybody asks for: at once where the process has units.
function sliced(store: LimitStore, count: number): Subject {
  const limits = limitsOf('hot', count)
  const one = { requests: 1, tokens: 1, cost: 1 }
  return { name: `sallyport, slices of 100, ${count} hot`, calls: 400_000, concurrent: 1, run: () => store.reserve(limits, one, 0) }
}

interface Measured {
  readonly perSecond: number[]
  readonly latencies: number[]
  /** Microseconds of CPU a call, of this process and of Redis. */
  readonly own: number[]
  readonly server: number[]
}

const nothing = (): Measured => ({ perSecond: [], latencies: [], own: [], server: [] })

// Milliseconds of CPU that Redis has used.
async function used(admin: Redis): Promise<number> {
  const said = await admin.info('cpu')
  return ['used_cpu_sys', 'used_cpu_user'].reduce((sum, name) => sum + Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(said)?.[1]) * 1000, 0)
}

async function measure({ calls, run, concurrent: sides }: Subject, { perSecond, latencies, own, server }: Measured, admin: Redis): Promise<void> {
  let asked = 0
  const usedBefore = await used(admin)
  const ownBefore = process.cpuUsage()
  const side = async (): Promise<void> => {
    while (asked < calls) {
      const key = keys[asked++ % keys.length] ?? ''
      const before = performance.now()
      const answer = run(key)
      // What is answered at once is not waited for.
      if (!(answer instanceof Promise)) continue
      await answer
      latencies.push(performance.now() - before)
    }
  }
  const before = performance.now()
  await Promise.all(Array.from({ length: sides }, side))
  perSecond.push((calls * 1000) / (performance.now() - before))
  const { user, system } = process.cpuUsage(ownBefore)
  own.push((user + system) / calls)
  server.push((((await used(admin)) - usedBefore) * 1000) / calls)
}

async function startRedis(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const address = free.address()
  free.close()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  process.once('exit', () => child.kill())
  process.once('SIGTERM', () => process.exit(143))
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break
  return { child, port }
}

function at(values: number[], quantile: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * quantile))] ?? Number.NaN
}

/** Prints what a check costs where Redis keeps the count, on this machine. */
export async function printRedis(): Promise<void> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return console.log('\nlimits in Redis: no redis-server')
  const { child, port } = await startRedis()
  const clients = Array.from({ length: 6 }, () => new Redis(port, '127.0.0.1'))
  const [first, second, third, fourth, fifth, admin] = clients as [Redis, Redis, Redis, Redis, Redis, Redis]
  const store = (client: Redis, more: object = {}): LimitStore => redisLimits({ client, deadline: 10_000, ...more })
  const subjects: readonly Subject[] = [
    sallyport('sallyport, 4 limits', store(first, { prefix: 'one' }), 4, false, 20_000),
    sallyport('sallyport, 4 limits, settled', store(second, { prefix: 'two' }), 4, true, 20_000),
    flexible(third),
    sliced(store(fourth, { prefix: 'one-slice', lease: 100 }), 1),
    sliced(store(fifth, { prefix: 'four-slices', lease: 100 }), 4),
  ]
  console.log(`\nlimits in Redis on this machine, median of ${rounds} rounds, interleaved; ${concurrent} calls at the same time, but slices one`)
  console.log(
    `${''.padEnd(38)}${'calls a second'.padStart(16)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}${'CPU µs here'.padStart(14)}${'in Redis'.padStart(10)}`,
  )
  const table = new Map<Subject, Measured>(subjects.map((subject) => [subject, nothing()]))
  for (let round = -1; round < rounds; round++)
    for (const [subject, measured] of table) await measure(subject, round < 0 ? nothing() : measured, admin)
  for (const [{ name: subject }, { perSecond, own, server }] of table) {
    const told = { bench: 'limits', subject, peer: !subject.startsWith('sallyport') }
    tell({
      ...told,
      table: 'a check in Redis, of this process and of Redis',
      unit: 'µs',
      values: own.map((here, round) => here + (server[round] ?? 0)),
    })
    tell({
      ...told,
      table: 'checks in Redis',
      unit: 'a second',
      better: 'more',
      values: perSecond,
      ...(subject.includes('slices') && { asked: 500_000 }),
    })
  }
  for (const [{ name }, { perSecond, latencies, own, server }] of table) {
    const cells = [at(latencies, 0.5), at(latencies, 0.99)].map((value) => value.toFixed(2).padStart(10)).join('')
    const cpu = `${at(own, 0.5).toFixed(1).padStart(14)}${at(server, 0.5).toFixed(1).padStart(10)}`
    console.log(`${name.padEnd(38)}${Math.round(at(perSecond, 0.5)).toLocaleString('en').padStart(16)}${cells}${cpu}`)
  }
  const [ours, , theirs] = [...table.values()]
  const ratios = ours?.perSecond.map((value, round) => value / (theirs?.perSecond[round] ?? Number.NaN)) ?? []
  const cpu = ({ own, server }: Measured): number => at(own, 0.5) + at(server, 0.5)
  const times = `${at(ratios, 0.5).toFixed(2)} times the calls`
  const work = ours !== undefined && theirs !== undefined ? `, ${(cpu(theirs) / cpu(ours)).toFixed(2)} times the calls for the same CPU` : ''
  console.log(`four limits of ours, beside its union of three, by rounds: ${times}${work}`)
  for (const client of clients) client.disconnect()
  child.kill()
}
