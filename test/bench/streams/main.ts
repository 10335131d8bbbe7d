// What a guarded stream costs in CPU time beside the same client without a guard, and what leaks, beside its peers. Build first: it
// measures `dist`. `SECTION=cost`, `memory` or `leaks` runs one part.
import { cpus } from 'node:os'
import OpenAI from 'openai'
import { bodyOf, chunk, completion, controls, megabyte, vendor } from './answers.ts'
import { tell } from '../report/figure.ts'
import { memory } from './memory.ts'

const rounds = Number(process.env.ROUNDS ?? 15)
const events = Number(process.env.EVENTS ?? 4_000)
const section = process.env.SECTION

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN

/** CPU of all threads, in microseconds. */
async function cpuOf(task: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await task()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

async function read(client: OpenAI): Promise<number> {
  let length = 0
  const stream = await client.chat.completions.create({ model: 'small-1', messages: [{ role: 'user', content: 'hello' }], stream: true })
  for await (const part of stream) length += part.choices[0]?.delta.content?.length ?? 0
  return length
}

async function cost(): Promise<void> {
  const words = 'a quick brown fox ate'.slice(0, 20)
  const body = bodyOf(Array.from({ length: events }, () => chunk(words)))
  const bare = new OpenAI({ apiKey: 'k', fetch: vendor(() => body) })
  const guarded = new OpenAI({ apiKey: 'k', fetch: controls(vendor(() => body)) })
  const whole = completion(megabyte)
  const bareWhole = new OpenAI({ apiKey: 'k', fetch: async () => Response.json(whole) })
  const guardedWhole = new OpenAI({ apiKey: 'k', fetch: controls(async () => Response.json(whole)) })
  const ask = (client: OpenAI) => (): Promise<unknown> =>
    client.chat.completions.create({ model: 'small-1', messages: [{ role: 'user', content: 'hello' }] })
  const subjects = {
    'client alone, streamed': () => read(bare),
    'client behind the guard, streamed': () => read(guarded),
    'client alone, 1 MB whole': ask(bareWhole),
    'client behind the guard, 1 MB whole': ask(guardedWhole),
  }
  const figures = Object.keys(subjects).map((): number[] => [])
  for (const run of Object.values(subjects)) await run()
  for (let round = 0; round < rounds; round++) for (const [index, run] of Object.values(subjects).entries()) figures[index]?.push(await cpuOf(run))
  const bench = 'streams'
  const [first = [], second = [], third = [], fourth = []] = figures
  const each = (list: readonly number[]): number[] => list.map((value) => value / events)
  tell({ bench, table: 'an event of 20 characters', subject: 'client alone', unit: 'µs', values: each(first), peer: true })
  tell({ bench, table: 'an event of 20 characters', subject: 'client behind the guard', unit: 'µs', values: each(second) })
  const guards = each(second.map((value, round) => value - (first[round] ?? 0)))
  tell({ bench, table: 'the guard, an event', subject: 'the guard', unit: 'µs', values: guards, asked: 15 })
  const speeds = fourth.map((value, round) => megabyte.length / (value - (third[round] ?? 0)))
  tell({
    bench,
    table: 'the guard, a whole answer of 1 MB',
    subject: 'the guard',
    unit: 'MB a CPU second',
    better: 'more',
    values: speeds,
    asked: 20,
  })
  const [alone = Number.NaN, behind = Number.NaN, aloneWhole = Number.NaN, behindWhole = Number.NaN] = figures.map(median)
  console.log(`\nstreams: ${events} events of 20 characters, all controls, ${rounds} rounds, interleaved; median`)
  console.log(`client alone       ${(alone / events).toFixed(2)} µs an event`)
  console.log(
    `behind the guard   ${(behind / events).toFixed(2)} µs an event, the guard ${((behind - alone) / events).toFixed(2)} (asked: at most 15)`,
  )
  const size = megabyte.length / 1e6
  const speed = size / ((behindWhole - aloneWhole) / 1e6)
  console.log(
    `1 MB whole         ${(aloneWhole / 1e3).toFixed(1)} ms alone, ${(behindWhole / 1e3).toFixed(1)} ms behind the guard: ${speed.toFixed(1)} MB a CPU second (asked: 20)`,
  )
}

console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}`)
if (section === undefined || section === 'cost') await cost()
if (section === undefined || section === 'memory') await memory(Number(process.env.MEGABYTES ?? 100))
// Only now: who measures costs need not have the peers.
if (section === undefined || section === 'leaks') await (await import('./leaks.ts')).leaks()
