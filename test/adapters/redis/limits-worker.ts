// Run as a process of its own: reserves for the one that started it, by messages.
import process from 'node:process'
import { redisServers } from '../../../src/adapters/redis/redis-client.ts'
import { LimitsInRedis } from '../../../src/adapters/redis/redis-limits.ts'
import type { Amounts, KeyedLimit, LimitState, Refusal, Reservation } from '../../../src/limits/limit-store.ts'
import { clientLibraries } from './clients.ts'

/** What a worker is asked. Reservations stay with the worker, and are named by numbers. */
export type Asked = { readonly call: number; readonly prefix: string; readonly time: number } & (
  | { readonly what: 'reserve'; readonly limits: readonly KeyedLimit[]; readonly amounts: Amounts }
  | { readonly what: 'extend' | 'settle'; readonly of: number; readonly amounts: Amounts }
  | { readonly what: 'release'; readonly of: number }
  | { readonly what: 'hammer'; readonly limits: readonly KeyedLimit[]; readonly calls: number }
)

/** What it answers. */
export interface Answered {
  readonly call: number
  readonly granted?: { readonly of: number; readonly limits: readonly LimitState[] }
  readonly refused?: Refusal
  /** Of many calls at once: how many were granted, and how many tokens they spent in all. */
  readonly hammered?: { readonly granted: number; readonly spent: number }
  readonly error?: string
}

const [name, port] = process.argv.slice(2)
const library = clientLibraries.find((each) => each.name === name)
if (library === undefined) throw new Error('no such library')
const connection = await library.connect(Number(port))
const servers = redisServers('worker', connection.client)
const stores = new Map<string, LimitsInRedis>()
let time = 0
const open = new Map<number, Reservation>()

function storeOf(prefix: string): LimitsInRedis {
  let store = stores.get(prefix)
  if (store === undefined) stores.set(prefix, (store = new LimitsInRedis(servers, { prefix, deadline: 10_000, lease: undefined }, () => time)))
  return store
}

async function hammer(store: LimitsInRedis, limits: readonly KeyedLimit[], calls: number): Promise<NonNullable<Answered['hammered']>> {
  const all = await Promise.all(
    Array.from({ length: calls }, async (_, call) => {
      const answer = await store.reserve(limits, { requests: 1, tokens: 10, concurrent: 1 })
      if (!answer.allowed) return { granted: 0, spent: 0 }
      const more = call % 3 === 0 && (await answer.extend({ tokens: 5 })).allowed
      const spent = call % 2 === 0 ? 4 : more ? 15 : 10
      await answer.settle({ requests: 1, tokens: spent })
      return { granted: 1, spent }
    }),
  )
  return { granted: all.reduce((sum, { granted }) => sum + granted, 0), spent: all.reduce((sum, { spent }) => sum + spent, 0) }
}

async function answer(asked: Asked): Promise<Omit<Answered, 'call'>> {
  const store = storeOf(asked.prefix)
  time = asked.time
  if (asked.what === 'hammer') return { hammered: await hammer(store, asked.limits, asked.calls) }
  if (asked.what === 'reserve') {
    const given = await store.reserve(asked.limits, asked.amounts)
    if (!given.allowed) return { refused: given }
    open.set(asked.call, given)
    return { granted: { of: asked.call, limits: given.limits } }
  }
  const reservation = open.get(asked.of)
  if (reservation === undefined) return { error: 'no such reservation' }
  if (asked.what === 'release') await reservation.release()
  else if (asked.what === 'settle') await reservation.settle(asked.amounts)
  else {
    const given = await reservation.extend(asked.amounts)
    return given.allowed ? { granted: { of: asked.of, limits: given.limits } } : { refused: given }
  }
  return {}
}

process.on('message', (asked: Asked) => {
  answer(asked).then(
    (given) => process.send?.({ call: asked.call, ...given }),
    (error: unknown) => process.send?.({ call: asked.call, error: String(error) }),
  )
})
process.on('disconnect', () => connection.close())
process.send?.({ call: -1 })
