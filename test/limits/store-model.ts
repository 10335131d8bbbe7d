import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Amounts, KeyedLimit, LimitStore, Reservation } from '../../src/limits/limit-store.ts'
import { type PlannedLimit, planLimit } from '../../src/limits/limit.ts'

/** What happens to a store, one thing after the other. `which` picks a reservation that is open, `key` whose it is. */
export type Happening =
  | { readonly kind: 'reserve'; readonly key: number; readonly limits: number; readonly tokens: number; readonly cost: number }
  | {
      readonly kind: 'extend' | 'renew' | 'settle' | 'release' | 'crash'
      readonly which: number
      readonly tokens: number
      readonly cost: number
    }
  | { readonly kind: 'wait'; readonly milliseconds: number }

const which = fc.nat(9)
const tokens = fc.nat(120)
const cost = fc.nat(400)

export const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('reserve' as const), key: fc.nat(1), limits: fc.integer({ min: 1, max: 31 }), tokens, cost }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'extend' as const,
        'extend' as const,
        'renew' as const,
        'settle' as const,
        'settle' as const,
        'release' as const,
        'crash' as const,
      ),
      which,
      tokens,
      cost,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.oneof(fc.nat(3_000), fc.nat(40_000), fc.nat(90_000_000)) }),
  },
)

/** One limit of each sort, small enough to be in the way. */
export const modelLimits: readonly PlannedLimit[] = [
  planLimit({ name: 'requests', requests: 5, window: 20, burst: 3 }),
  planLimit({ name: 'tokens', tokens: 200, window: 30 }),
  planLimit({ name: 'year', tokens: 900, window: 365 * 86_400 }),
  planLimit({ name: 'budget', cost: 1_000, window: 'day', zone: 'Europe/Warsaw', lease: 20 }),
  planLimit({ name: 'places', concurrent: 2, lease: 10 }),
]

interface Part {
  left: number
  /** Of a budget: what has come back since nobody had renewed it. */
  lapsed: number
}

/** One key under one limit, with nothing clever in it: every reservation has its part of the level, and all parts leak alike. */
class Account {
  readonly limit: PlannedLimit
  parts = new Set<Part>()
  readonly leases = new Map<Part, number>()
  /** Parts of which something was ever held. */
  readonly held = new Set<Part>()
  #at = 0
  #day = Number.NaN

  constructor(limit: PlannedLimit) {
    this.limit = limit
  }

  get level(): number {
    let sum = 0
    for (const { left } of this.parts) sum += left
    return sum
  }

  pass(now: number, day: number): void {
    const { window, quantity, unit } = this.limit
    const level = this.level
    if (typeof window === 'number' && level > 0) {
      const share = Math.max(0, 1 - ((now - this.#at) * quantity) / (window * 1000) / level)
      for (const part of this.parts) part.left *= share
    }
    if (window === 'day' && day !== this.#day) {
      for (const part of this.held) part.left = part.lapsed = 0
      for (const part of this.parts) part.left = 0
      this.leases.clear()
    }
    for (const [part, endsAt] of this.leases) if (endsAt <= now) this.lapse(part)
    if (unit === 'concurrent') for (const part of this.parts) if (!this.leases.has(part)) this.drop(part)
    for (const part of this.parts) if (part.left <= 0) this.parts.delete(part)
    this.#at = now
    this.#day = day
  }

  add(part: Part, units: number, now: number): void {
    part.left += units
    if (part.left > 0) this.parts.add(part)
    this.renew(part, now)
  }

  renew(part: Part, now: number): void {
    const { lease } = this.limit
    if (lease === undefined || part.left === 0) return
    this.leases.set(part, now + lease * 1000)
    this.held.add(part)
  }

  owe(units: number): void {
    this.parts.add({ left: units, lapsed: 0 })
  }

  /** Nobody has renewed it. */
  lapse(part: Part): void {
    part.lapsed += part.left
    this.drop(part)
  }

  drop(part: Part): void {
    part.left = 0
    this.parts.delete(part)
    this.leases.delete(part)
  }
}

interface Open {
  readonly reservation: Reservation
  readonly owned: readonly { readonly account: Account; readonly part: Part; reserved: number }[]
}

/** How far rounding may lead: nobody is wrong about an amount that is this close to the limit. */
const close = 1e-3

/**
 * Lets things happen to a store and to the model, and compares: who is granted and who is not, all limits or none; what
 * is left; what comes back. Times begin at `start`, on a day that is not over for two hours.
 */
export async function compareWithModel(store: LimitStore, happenings: readonly Happening[], start: number): Promise<void> {
  const accounts = new Map<string, Account>()
  const open: Open[] = []
  let now = 0
  const accountOf = (key: string, limit: PlannedLimit): Account => {
    const name = `${key} ${limit.name}`
    let account = accounts.get(name)
    if (account === undefined) accounts.set(name, (account = new Account(limit)))
    return account
  }
  const day = (): number => Math.floor((start + now + 3_600_000) / 86_400_000)
  const passAll = (): void => accounts.forEach((account) => void account.pass(now, day()))
  // The verdict of the model, or undefined where it is too close to call.
  const fits = (account: Account, units: number): boolean | undefined => {
    const over = account.level + units - account.limit.burst
    return units === 0 ? true : Math.abs(over) < close ? undefined : over < 0
  }
  const agree = (allowed: boolean, verdicts: readonly (boolean | undefined)[]): void => {
    if (allowed) assert.ok(!verdicts.includes(false), 'granted what the model refuses')
    else assert.ok(verdicts.includes(false) || verdicts.includes(undefined), 'refused what the model grants')
  }

  for (const happening of happenings) {
    if (happening.kind === 'wait') {
      now += happening.milliseconds
      continue
    }
    passAll()
    if (happening.kind === 'reserve') {
      const key = `key ${happening.key}`
      const limits: KeyedLimit[] = modelLimits.filter((_, index) => happening.limits & (1 << index)).map((limit) => ({ limit, key }))
      const amounts = { requests: 1, tokens: happening.tokens, cost: happening.cost, concurrent: 1 } as Required<Pick<Amounts, 'requests'>> & Amounts
      const owned = limits.map(({ limit }) => ({ account: accountOf(key, limit), part: { left: 0, lapsed: 0 }, reserved: 0 }))
      passAll()
      const verdicts = owned.map(({ account }) => fits(account, amounts[account.limit.unit] ?? 0))
      const answer = await store.reserve(limits, amounts, now, start + now)
      agree(answer.allowed, verdicts)
      if (!answer.allowed) {
        const names = limits.filter((_, index) => verdicts[index] === false).map(({ limit }) => limit.name)
        const violated = answer.violated.map(({ name }) => name)
        for (const name of names) assert.ok(violated.includes(name), `${name} is not named`)
        assert.equal(answer.retryAfter, Math.max(...answer.violated.map(({ retryAfter }) => retryAfter)))
        continue
      }
      for (const own of owned) {
        own.reserved = amounts[own.account.limit.unit] ?? 0
        own.account.add(own.part, own.reserved, now)
      }
      open.push({ reservation: answer, owned })
    } else {
      const index = happening.which % Math.max(1, open.length)
      const call = open[index]
      if (call === undefined) continue
      const { reservation, owned } = call
      if (happening.kind === 'extend' || happening.kind === 'renew') {
        const more: Amounts = happening.kind === 'renew' ? {} : { tokens: happening.tokens, cost: happening.cost }
        const wanted = owned.map(({ account, part, reserved }) =>
          account.limit.unit === 'concurrent' && part.left === 0 ? reserved : (more[account.limit.unit] ?? 0) + part.lapsed,
        )
        const answer = await reservation.extend(more, now)
        agree(
          answer.allowed,
          owned.map(({ account }, place) => fits(account, wanted[place] ?? 0)),
        )
        if (answer.allowed)
          for (const [place, own] of owned.entries()) {
            own.account.add(own.part, wanted[place] ?? 0, now)
            if (own.account.limit.unit !== 'concurrent') own.reserved += more[own.account.limit.unit] ?? 0
            own.part.lapsed = 0
          }
        continue
      }
      open.splice(index, 1)
      if (happening.kind === 'crash') continue
      if (happening.kind === 'release') await reservation.release(now)
      else await reservation.settle({ requests: 1, tokens: happening.tokens, cost: happening.cost }, now)
      const actual: Amounts = happening.kind === 'release' ? {} : { requests: 1, tokens: happening.tokens, cost: happening.cost }
      for (const { account, part, reserved } of owned) {
        if (account.limit.unit === 'concurrent') {
          account.drop(part)
          continue
        }
        // What had come back already is spent all the same.
        const unused = reserved - (actual[account.limit.unit] ?? 0) - part.lapsed
        account.leases.delete(part)
        if (unused < 0) account.owe(-unused)
        else part.left -= Math.min(unused, part.left)
      }
    }
    passAll()
    for (const [name, account] of accounts) {
      const key = name.slice(0, 'key 0'.length)
      const answer = await store.reserve([{ limit: account.limit, key }], { [account.limit.unit]: 0 }, now, start + now)
      assert.ok(answer.allowed)
      const left = Math.max(0, account.limit.burst - account.level)
      const told = answer.limits[0]?.remaining ?? -1
      assert.ok(told <= left + close && told >= Math.floor(left - close), `${name}: ${told} and ${left}`)
      await answer.release(now)
    }
  }

  // However it went: what nobody holds comes back, and nothing is left over.
  for (const { reservation } of open) await reservation.settle({ requests: 1, tokens: 0, cost: 0 }, now)
  now += 2 * 365 * 86_400_000 + 1_000 * 365 * 86_400_000
  for (const [name, account] of accounts) {
    const answer = await store.reserve([{ limit: account.limit, key: name.slice(0, 'key 0'.length) }], { [account.limit.unit]: 0 }, now, start + now)
    assert.ok(answer.allowed)
    assert.equal(answer.limits[0]?.remaining, account.limit.burst, name)
  }
}
