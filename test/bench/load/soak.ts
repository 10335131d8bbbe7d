// An hour of mixed traffic at a bounded rate: memory and event-loop delay over time, and afterwards whether every call has its two
// records and every place was given back. `--minutes N` (60), `--rate N` calls a second (100). Build first: it measures `dist`.
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Child } from './child.ts'
import { quantile } from '../report/figure.ts'
import { commitOf, thisMachine } from '../report/results.ts'
import type { SoakRow } from '../report/soak-results.ts'
import { folder, writeReport } from '../report/write-report.ts'
import { countRecords } from './count-records.ts'
import { drive } from './drive.ts'
import type { Collected, Sample, Settled } from './gateway.ts'
import { leave } from './leavers.ts'
import { startParts } from './parts.ts'
import { bodies } from './questions.ts'
import { type Kind, startCallers } from './traffic.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '100' }, out: { type: 'string' } },
})
const minutes = Number(values.minutes)
const rate = Number(values.rate)
const out = values.out ?? join(folder, 'soak.json')
if (!(minutes > 0) || !(rate >= 20)) throw new TypeError('--minutes must be above 0, --rate at least 20')
const seconds = Math.round(minutes * 60)
/** Requests a minute of each caller. */
const limit = 20

const stopping = new AbortController()
setMaxListeners(0, stopping.signal)
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())
// Whatever hangs, it ends.
const late = setTimeout(() => stopping.abort(), (seconds * 1.5 + 60) * 1000)

const parts = await startParts([{ guarded: true, requests: limit, places: 8 }])
const gateway = parts.gateways[0] as Child
const callers = await startCallers(parts.issuer)

const times: Record<'json' | 'stream', number[]> = { json: [], stream: [] }
const answered: Record<Kind['name'], number> = { json: 0, stream: 0, denied: 0, limited: 0, unknown: 0 }
let errors = 0
const wrong: Partial<Record<Kind['name'], number>> = {}
let left = 0
let leftAtOnce = 0
let stayed = 0

/** One call a second on each connection; connections begin a little after each other, so that calls do not come in bursts. */
async function run(kind: Kind, url: string): Promise<void> {
  const connections = Math.max(1, Math.round((kind.share * rate) / 100))
  const at = Math.random() * 1000
  const each = Array.from({ length: connections }, async (_, index) => {
    await sleep((at + (index * 1000) / connections) % 1000)
    const { body, authorization, check } = kind
    const driven = await drive(
      {
        url,
        connections: 1,
        amount: seconds,
        rate: 1,
        body,
        authorization,
        check,
        answered({ time }) {
          answered[kind.name]++
          if (kind.name === 'json' || kind.name === 'stream') times[kind.name].push(time)
        },
      },
      stopping.signal,
    )
    errors += driven.errors
    if (driven.wrong > 0) wrong[kind.name] = (wrong[kind.name] ?? 0) + driven.wrong
  })
  await Promise.all(each)
}

/** A tenth of all calls: eight in ten leave amid a stream, the others before an answer came. */
async function runLeavers(url: string): Promise<void> {
  const open: Promise<void>[] = []
  for (let call = 0; call < (seconds * rate) / 10 && !stopping.signal.aborted; call++) {
    const isEarly = call % 10 >= 8
    const pieces = isEarly ? 0 : 1 + (call % 12)
    const body = call % 10 === 9 ? bodies.slowJson : bodies.slowStream
    const gone = leave({ url, body, authorization: callers.next(), pieces, wait: body === bodies.slowJson ? 100 : 0 })
    open.push(
      gone.then(
        () => {
          left++
          if (isEarly) leftAtOnce++
        },
        () => void stayed++,
      ),
    )
    if (open.length > 200) await open.shift()
    await sleep(10_000 / rate)
  }
  await Promise.all(open)
}

const rows: SoakRow[] = []
/** The heap after a garbage collection, at times. */
const collected: { at: number; heap: number }[] = []
const began = performance.now()
async function take(): Promise<void> {
  const sample = await gateway.ask<Sample>('sample')
  const { json, stream } = times
  times.json = []
  times.stream = []
  const part = (list: readonly number[], of: number): number => (list.length === 0 ? 0 : Number(quantile(list, of).toFixed(2)))
  const latencies = { json50: part(json, 0.5), json99: part(json, 0.99), stream50: part(stream, 0.5), stream99: part(stream, 0.99) }
  const row = { at: Math.round((performance.now() - began) / 1000), ...sample, load: Number((loadavg()[0] ?? 0).toFixed(2)) }
  rows.push({ ...row, ...latencies })
  if (rows.length % 20 === 10) collected.push({ at: row.at, heap: (await gateway.ask<Collected>('collect')).heap })
  if (rows.length % 2 !== 0) return
  const calls = Object.values(answered).reduce((sum, count) => sum + count, left)
  console.log(
    `${String(row.at).padStart(6)} s  ${calls} calls  RSS ${row.rss.toFixed(0)} MB  heap ${row.heapLow.toFixed(0)} to ${row.heapHigh.toFixed(0)} MB  loop delay p99 ${row.delay99} ms  append p99 ${row.append99} ms  json p99 ${latencies.json99.toFixed(1)} ms  ${(row.cpu / 300).toFixed(1)} % of a core`,
  )
}

let exitCode = 1
try {
  console.log(`soak: ${minutes} minutes at ${rate} calls a second; node ${process.version}`)
  await gateway.ask('sample')
  const sampling = setInterval(() => void take().catch(() => stopping.abort()), 30_000)
  await Promise.all([...callers.kinds.map((kind) => run(kind, gateway.url)), runLeavers(gateway.url)])
  clearInterval(sampling)
  callers.close()
  if (stopping.signal.aborted) throw new Error('it was interrupted')
  // What was left amid a stream ends a moment later.
  await sleep(2_000)
  const settled = await gateway.ask<Settled>('settled')
  const model = await parts.model.ask<{ asked: number; open: number; left: number }>('counts')
  const closed = await gateway.ask<{ key: string; seconds: number }>('close')
  console.log('verifying the log')
  const counted = await countRecords(parts.folder, closed.key)
  const known = answered.json + answered.stream + answered.denied + answered.limited + left + stayed
  const held: Record<string, boolean> = {
    'every answer was the right one': errors + stayed === 0 && Object.keys(wrong).length === 0,
    'the log is what its key signed, with its end anchored': counted.verified,
    'every call of a known caller has a decision': counted.decisions === known,
    'every decision has its outcome, and no outcome is alone': counted.outcomes === known && counted.unpaired === 0,
    'every refusal of an unknown caller was counted': counted.refusals === answered.unknown,
    // Who left at once was let in, and gone before the model was asked.
    'the model was asked at most once for each decision that allowed': model.asked <= counted.allowed,
    'and not only where its client had left': counted.allowed - model.asked <= leftAtOnce,
    'no record waits': settled.waiting === 0,
    'every place was given back': settled.placesHeld === 0,
    'the model has no call left open': model.open === 0,
  }
  console.log(
    `\n${known + answered.unknown} calls, ${counted.entries} records; ${JSON.stringify({ answered, left, stayed, errors, wrong, endings: counted.endings })}`,
  )
  console.log(JSON.stringify({ settled, model, closed: closed.seconds, problems: counted.problems }))
  for (const [what, holds] of Object.entries(held)) console.log(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${what}`)
  const commit = commitOf(folder)
  const result = {
    version: 1,
    command: `npm --prefix test/bench run soak -- --minutes ${minutes}${rate === 100 ? '' : ` --rate ${rate}`}`,
    date: new Date().toISOString(),
    ...(commit !== undefined && { commit }),
    machine: thisMachine(),
    seconds,
    rate,
    answered,
    left,
    calls: known + answered.unknown,
    records: counted,
    settled,
    model,
    held,
    collected,
    rows: [],
  }
  // A line for each row.
  const lines = rows.map((row) => JSON.stringify(row)).join(',\n  ')
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify(result, null, 1).replace('"rows": []', () => `"rows": [\n  ${lines}\n ]`)}\n`)
  console.log(`written to ${out}`)
  if (values.out === undefined) writeReport()
  exitCode = Object.values(held).every(Boolean) ? 0 : 1
} catch (error) {
  console.error(error)
  exitCode = stopping.signal.aborted ? 130 : 1
} finally {
  clearTimeout(late)
  callers.close()
  await parts.close()
}
process.exit(exitCode)
