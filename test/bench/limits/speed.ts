import { cpus } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryStore as ExpressStore } from 'express-rate-limit'
import { MemoryStore as HonoStore } from 'hono-rate-limiter'
import { RateLimiterMemory, RateLimiterUnion } from 'rate-limiter-flexible'
import { type KeyedLimit, memoryLimits, planLimit } from '../../../dist/index.js'
import { tell } from '../report/figure.ts'

const bench = 'limits'
const rounds = Number(process.env.ROUNDS ?? 5)
const sizes = (process.env.KEYS ?? '1,10000,1000000').split(',').map(Number)

/** What is measured: made for so many keys, then asked for one of them. */
interface Subject {
  readonly name: string
  make(keys: number): (key: string) => unknown
}

const hour = 3_600
// Rates as they are, so that cells are as full as they are; bursts that nobody reaches.
const plans = {
  minute: planLimit({ name: 'minute', requests: 60, window: 60, burst: 1e9 }),
  day: planLimit({ name: 'day', requests: 5_000, window: 24 * hour, burst: 1e9 }),
  tokens: planLimit({ name: 'tokens', tokens: 100_000, window: hour, burst: 1e12 }),
  cost: planLimit({ name: 'cost', cost: 10_000_000, window: 24 * hour, burst: 1e12 }),
  places: planLimit({ name: 'places', concurrent: 1e6 }),
}
const amounts = { requests: 1, tokens: 1_000, cost: 500, concurrent: 1 }
const spent = { requests: 1, tokens: 700, cost: 350 }

function sallyport(name: string, limits: readonly (keyof typeof plans)[], settles: boolean): Subject {
  return {
    name,
    make(keys) {
      const store = memoryLimits({ maxKeys: keys * limits.length + 100 })
      return (key) => {
        const keyed: KeyedLimit[] = []
        for (const each of limits) keyed.push({ limit: plans[each], key })
        const answer = store.reserve(keyed, amounts, performance.now())
        if (!answer.allowed) throw new Error('refused')
        if (settles) answer.settle(spent)
      }
    },
  }
}

// One number for each limit, nothing given back, nothing bounded: as little as it can be.
function byHand(limits: number): Subject {
  return {
    name: `GCRA by hand, ${limits} limits`,
    make(keys) {
      const places = new Map<string, number>()
      const arrivals = new Float64Array(keys * limits)
      return (key) => {
        const now = performance.now()
        let place = places.get(key)
        if (place === undefined) places.set(key, (place = places.size * limits))
        for (let limit = 0; limit < limits; limit++) if ((arrivals[place + limit] ?? 0) - now > 1e9) throw new Error('refused')
        for (let limit = 0; limit < limits; limit++) arrivals[place + limit] = Math.max(arrivals[place + limit] ?? 0, now) + 1e-6
      }
    },
  }
}

const flexible: Subject = {
  name: 'rate-limiter-flexible, union of 3',
  make() {
    const each = (keyPrefix: string, duration: number) => new RateLimiterMemory({ keyPrefix, points: 1e12, duration })
    const union = new RateLimiterUnion(each('minute', 60), each('hour', hour), each('day', 24 * hour))
    return (key) => union.consume(key, 1)
  },
}

const windowMs = 24 * hour * 1000
const express: Subject = {
  name: 'express-rate-limit, 1 limit',
  make() {
    const store = new ExpressStore()
    store.init({ windowMs } as never)
    return (key) => store.increment(key)
  },
}
const hono: Subject = {
  name: 'hono-rate-limiter, 1 limit',
  make() {
    const store = new HonoStore()
    store.init({ windowMs } as never)
    return (key) => store.increment(key)
  },
}

const subjects: readonly Subject[] = [
  sallyport('sallyport, 4 limits', ['minute', 'day', 'tokens', 'cost'], false),
  sallyport('sallyport, 4 limits, settled', ['minute', 'day', 'tokens', 'cost'], true),
  sallyport('sallyport, 4 with places, settled', ['minute', 'tokens', 'cost', 'places'], true),
  byHand(3),
  byHand(4),
  hono,
  express,
  flexible,
]

const isAsync = (subject: Subject): boolean => subject === flexible || subject === express

const askedOf = (subject: Subject, keys: number): object => (subject === subjects[0] ? { asked: keys <= 1 ? 0.3 : keys <= 10_000 ? 0.5 : 2 } : {})
const isPeer = ({ name }: Subject): boolean => !name.startsWith('sallyport')

async function ask(run: (key: string) => unknown, keys: readonly string[], order: Uint32Array, count: number, waits: boolean): Promise<number> {
  const before = process.cpuUsage()
  if (waits) for (let call = 0; call < count; call++) await run(keys[order[call % order.length] ?? 0] ?? '')
  else for (let call = 0; call < count; call++) run(keys[order[call % order.length] ?? 0] ?? '')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** Prints what one check costs in CPU time, and how much memory a key takes. */
export async function printSpeed(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const memory = (): number => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  console.log(`\nlimits: CPU microseconds a check in memory, median of ${rounds} rounds, interleaved; bytes a key beside the key itself`)
  console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}\n`)
  console.log(`${''.padEnd(38)}${sizes.map((size) => `${size.toLocaleString('en')} keys`.padStart(16)).join('')}     bytes a key`)
  const table = new Map<Subject, { costs: number[]; bytes: number }>(subjects.map((subject) => [subject, { costs: [], bytes: Number.NaN }]))
  for (const size of sizes) {
    // As they come off a wire, in one piece.
    const keys = Array.from({ length: size }, (_, index) => Buffer.from(`18:https://id.exampleuser-${index}`).toString())
    const order = Uint32Array.from({ length: 1 << 18 }, () => Math.floor(Math.random() * size))
    const made: { subject: Subject; run: (key: string) => unknown; costs: number[] }[] = []
    for (const subject of subjects) {
      const before = memory()
      const run = subject.make(size)
      for (const key of keys) {
        const done = run(key)
        if (isAsync(subject)) await done
      }
      const row = table.get(subject)
      if (row !== undefined && size > 1_000) row.bytes = (memory() - before) / size
      made.push({ subject, run, costs: [] })
    }
    for (let round = -1; round < rounds; round++)
      for (const { subject, run, costs } of made) {
        const cost = await ask(run, keys, order, isAsync(subject) ? 50_000 : 300_000, isAsync(subject))
        if (round >= 0) costs.push(cost)
      }
    for (const { subject, costs } of made)
      tell({
        bench,
        table: 'a check in memory',
        subject: subject.name,
        unit: 'µs',
        values: costs,
        peer: isPeer(subject),
        size: { of: 'keys', value: size },
        ...askedOf(subject, size),
      })
    for (const { subject, costs } of made) table.get(subject)?.costs.push(costs.sort((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN)
  }
  for (const [subject, { bytes }] of table) {
    const values = Number.isFinite(bytes) ? [bytes] : []
    tell({
      bench,
      table: 'memory of a key, beside the key itself',
      subject: subject.name,
      unit: 'bytes',
      values,
      peer: isPeer(subject),
      ...(subject === subjects[0] && { asked: 120 }),
    })
  }
  for (const [{ name }, { costs, bytes }] of table)
    console.log(`${name.padEnd(38)}${costs.map((cost) => cost.toFixed(2).padStart(16)).join('')}${bytes.toFixed(0).padStart(16)}`)
  console.log('\nthose that wait for a promise are charged for it, as their users are')
}
