import { Bucket, chargeAfter, type Contender, counterDelta, queueClip, reserveMost, sallyportStore } from './contenders.ts'
import { tell } from '../report/figure.ts'
import { type GuardedTraffic, guardedTraffic } from './guarded.ts'

// Answers as they are: lognormal, 300 tokens in the middle, 450 on average, and now and then a very long one.
const shape = { input: 100, middle: 300, sigma: 0.9, most: 4_096, tokensPerSecond: 50, part: 10 } as const
const minute = 60
const hour = 3_600

// Mulberry32: the same traffic for everybody, and for every run.
let seed = Number(process.env.SEED ?? 7)
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4_294_967_296
}
function outputTokens(): number {
  const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  return Math.max(1, Math.min(shape.most, Math.round(shape.middle * Math.exp(shape.sigma * normal))))
}

interface Arrival {
  readonly at: number
  readonly output: number
}

interface Result {
  admitted: number
  refused: number
  /** Refused although it would have fitted, had everybody known how long answers will be. */
  refusedFalsely: number
  cut: number
  delivered: number
  /** The highest level of a bucket into which everything is poured as it is delivered, as a part of the limit. */
  peak: number
}

type Subject = Contender | GuardedTraffic

interface Running {
  readonly taken: NonNullable<Awaited<ReturnType<Subject['begin']>>>
  readonly output: number
  delivered: number
}

/** Lets streams arrive, and reads each part by part, in the order of time. */
async function run(subject: Subject, tokens: number, window: number, arrivals: readonly Arrival[]): Promise<Result> {
  const result: Result = { admitted: 0, refused: 0, refusedFalsely: 0, cut: 0, delivered: 0, peak: 0 }
  const real = new Bucket(tokens, window)
  const foreseen = new Bucket(tokens, window)
  const sorted = [...arrivals].sort((one, other) => one.at - other.at)
  const expected = shape.input + Math.round(shape.middle * Math.exp(0.6745 * shape.sigma))
  const isGuarded = subject.name.includes('guarded')
  // All parts take equally long, so what comes next is always at the head of one of two queues.
  const running: { readonly at: number; readonly stream: Running }[] = []
  let first = 0
  let next = 0
  const step = (shape.part / shape.tokensPerSecond) * 1000
  while (next < sorted.length || first < running.length) {
    const part = running[first]
    const arrival = sorted[next]
    if (arrival !== undefined && (part === undefined || arrival.at <= part.at)) {
      next++
      const total = shape.input + arrival.output
      const taken = await subject.begin(expected, shape.input + shape.most, arrival.at)
      if (taken === undefined) {
        result.refused++
        if (foreseen.level(arrival.at) + total > tokens) continue
        result.refusedFalsely++
        foreseen.pour(total, arrival.at)
        continue
      }
      result.admitted++
      foreseen.pour(total, arrival.at)
      real.pour(shape.input, arrival.at)
      result.delivered += shape.input
      running.push({ at: arrival.at + step, stream: { taken, output: arrival.output, delivered: 0 } })
    } else if (part !== undefined) {
      first++
      const { stream, at } = part
      const more = Math.min(shape.part, stream.output - stream.delivered)
      const total = shape.input + stream.delivered + more
      if (!(await stream.taken.grow(isGuarded ? more : total, at))) {
        result.cut++
        await stream.taken.settle(shape.input + stream.delivered, at)
        continue
      }
      stream.delivered += more
      real.pour(more, at)
      result.delivered += more
      if (stream.delivered < stream.output) running.push({ at: at + step, stream })
      else await stream.taken.settle(total, at)
    }
  }
  result.peak = real.peak / tokens
  return result
}

function subjects(tokens: number, window: number): Subject[] {
  return [
    chargeAfter(tokens, window),
    reserveMost(tokens, window),
    counterDelta(tokens, window),
    guardedTraffic(tokens, window, shape.input, 'cut'),
    guardedTraffic(tokens, window, shape.input, 'debt'),
  ]
}

// Long before, so that it is known how long answers are, and nothing of it is left.
async function warm(subject: Subject, tokens: number, window: number): Promise<void> {
  if (subject.name.includes('guarded'))
    await run(
      subject,
      tokens,
      window,
      Array.from({ length: 150 }, (_, index) => ({ at: index * 600_000, output: outputTokens() })),
    )
}
const start = 160 * 600_000

async function scenario(
  title: string,
  tokens: number,
  window: number,
  arrivals: readonly Arrival[],
  told: (result: Result) => string,
): Promise<void> {
  console.log(`\n${title}`)
  for (const subject of subjects(tokens, window)) {
    await warm(subject, tokens, window)
    const result = await run(subject, tokens, window, arrivals)
    console.log(`  ${subject.name.padEnd(40)}${told(result)}`)
  }
}

/** What a caller gets who reserves, waits and gives back, as a multiple of what the limit allows in that time. */
function hoard(make: (tokens: number, window: number) => Contender): number {
  const tokens = 1_000
  const gains: number[] = []
  // Over ten windows it reserves all there is and gives everything back in the end; then it takes what it can.
  {
    const subject = make(tokens, minute)
    const held = Array.from({ length: 10 }, (_, index) => subject.begin(tokens, tokens, index * 60_000))
    const now = 10 * 60_000 - 1
    for (const taken of held) taken?.settle(0, now + 2)
    gains.push(takeAll(subject, now + 3) / tokens)
  }
  // Small ones, each behind a large one that is given back at once; then both in turns.
  {
    const subject = make(tokens, minute)
    const held = Array.from({ length: 100 }, (_, index) => {
      const pad = subject.begin(tokens - 10 - index * 10, tokens, 0)
      const small = subject.begin(10, 10, 0)
      pad?.settle(0, 0)
      return small
    })
    const now = 59_000
    let had = takeAll(subject, now)
    for (const small of held) {
      small?.settle(0, now)
      had += takeAll(subject, now)
    }
    gains.push(had / tokens)
  }
  return Math.max(...gains)
}

function takeAll(subject: Contender, now: number): number {
  let had = 0
  for (;;) {
    const taken = subject.begin(1, 1, now)
    if (taken === undefined || had > 1e6) return had
    had++
    taken.settle(1, now)
  }
}

/** Prints what becomes of the same traffic under each way to keep a limit. */
export async function printTraffic(): Promise<void> {
  console.log('\ntraffic: lognormal answers, 300 tokens in the middle, at most 4,096, read at 50 tokens a second')
  const burst: Arrival[] = Array.from({ length: 200 }, () => ({ at: start + random() * 1_000, output: outputTokens() }))
  const total = burst.reduce((sum, { output }) => sum + shape.input + output, 0)
  const counts = ({ admitted, refused, refusedFalsely, cut, peak }: Result): string =>
    `admitted ${String(admitted).padStart(3)}, refused ${String(refused).padStart(3)} (falsely ${String(refusedFalsely).padStart(3)}), cut ${String(cut).padStart(3)}, peak ${peak.toFixed(2)} of the limit`
  await scenario('200 streams within a second; a limit an hour of 1.4 times what they take', Math.round(total * 1.4), hour, burst, counts)
  await scenario('200 streams within a second, which take 2.4 times the limit an hour', Math.round(total / 2.4), hour, burst, counts)

  const tokens = 50_000
  const mean = shape.input + shape.middle * Math.exp(shape.sigma ** 2 / 2)
  const busy: Arrival[] = []
  for (let at = start; at < start + 3_600_000; at += (-Math.log(random()) * mean * minute * 1000) / (2 * tokens))
    busy.push({ at, output: outputTokens() })
  await scenario(
    `an hour of twice the allowance of a limit a minute, ${busy.length.toLocaleString('en')} streams`,
    tokens,
    minute,
    busy,
    ({ delivered, cut, refused, peak }) =>
      `delivered ${(delivered / (tokens * 61)).toFixed(2)} of the allowance, refused ${refused}, cut ${cut}, peak ${peak.toFixed(2)}`,
  )

  console.log('\nhoarding: what a caller gets that reserves, waits and gives back, as a multiple of the limit')
  for (const make of [counterDelta, queueClip, sallyportStore]) {
    const { name: subject } = make(1, 1)
    const gain = hoard(make)
    tell({ bench: 'limits', table: 'what a caller gets that hoards', subject, unit: '× the limit', values: [gain], peer: make !== sallyportStore })
    console.log(`  ${subject.padEnd(40)}${gain.toFixed(2)}`)
  }
  console.log()
}
