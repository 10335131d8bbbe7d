import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { changeEntry } from './change-entry.ts'
import { memoryState } from './memory-state.ts'
import type { StateStore } from './state-store.ts'

/**
 * What is switched: a guard by its name, a model, a tool, or a tenant. Names are compared exactly, letter case included; a
 * `*` is a character like any other. A model that a vendor serves under several names is several models.
 */
export type SwitchTarget = { readonly guard: string } | { readonly model: string } | { readonly tool: string } | { readonly tenant: string }

/** Options of `switches`. */
export interface SwitchesOptions {
  /** Where it is kept what is off: shared, where several processes must obey; a memory of its own unless given. */
  readonly store?: StateStore
  /** The system's unless given. */
  readonly clock?: Clock
}

/** Kill switches. Everything is on that was not switched off. */
export interface Switches {
  /**
   * Switches off: new calls are refused, and running ones end. When it resolves the next check finds it, and whoever
   * subscribed was told. Only `on` ends it sooner than it was once said.
   *
   * @param options.until milliseconds since 1970; for ever unless given.
   * @throws TypeError for a target that names nothing, or more than one thing, and for a time that has passed. Rejects where
   * the store does not take it.
   */
  off(target: SwitchTarget, options?: { readonly until?: number }): Promise<void>
  /** Switches on again. Nothing where it is on. */
  on(target: SwitchTarget): Promise<void>
  /** Which of these are off; asks the store once. At once where that answers at once. */
  offAmong(targets: readonly SwitchTarget[]): Awaitable<readonly SwitchTarget[]>
  /** Whether any of these is off. */
  isOff(targets: SwitchTarget | readonly SwitchTarget[]): Awaitable<boolean>
  /** Tells when something may have been switched off, here or elsewhere, until the returned function is called. */
  subscribe(listener: () => void): () => void
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

const checks: Readonly<Record<keyof SwitchesOptions, Check>> = {
  store: [
    optional(hasMethods('add', 'set', 'get', 'delete', 'subscribe', 'describe')),
    'a StateStore with add(), set(), get(), delete(), subscribe() and describe()',
  ],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}
const offChecks: Readonly<Record<string, Check>> = {
  // Seconds taken for milliseconds would mean 1970, and switch nothing.
  until: [optional((value) => typeof value === 'number' && value > 1e11), 'milliseconds since 1970'],
}

/**
 * Kill switches by guard, model, tool and tenant, for `killSwitch({ switches })`.
 *
 * ```ts
 * const stop = switches()
 * await stop.off({ tool: 'send_payment' })
 * await stop.off({ tenant: 'acme' }, { until: Date.now() + 3_600_000 })
 * await stop.on({ tool: 'send_payment' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function switches(options: SwitchesOptions = {}): Switches {
  checkOptions('switches', options, checks)
  const { store = memoryState(), clock = systemClock } = options
  return new StoredSwitches(store, clock)
}

class StoredSwitches implements Switches {
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #now = (): number => this.#clock.now()

  constructor(store: StateStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async off(target: SwitchTarget, options: { readonly until?: number } = {}): Promise<void> {
    const key = entry(target)
    checkOptions('switches.off', options, offChecks)
    const { until = Number.POSITIVE_INFINITY } = options
    if (until <= this.#clock.now()) throw new TypeError('switches.off: until: must be in the future')
    await changeEntry(this.#store, key, this.#now, (before) => {
      const end = Math.max(until, before === undefined ? 0 : endOf(before))
      return { value: String(end), expiresAt: end }
    })
  }

  async on(target: SwitchTarget): Promise<void> {
    const key = entry(target)
    await changeEntry(this.#store, key, this.#now, () => 'forget')
  }

  offAmong(targets: readonly SwitchTarget[]): Awaitable<readonly SwitchTarget[]> {
    const asked = [...targets]
    const values = this.#store.get(asked.map(entry), this.#clock.now())
    return isThenable(values) ? values.then((found) => namedBy(found, asked)) : namedBy(values, asked)
  }

  isOff(targets: SwitchTarget | readonly SwitchTarget[]): Awaitable<boolean> {
    const off = this.offAmong(isList(targets) ? targets : [targets])
    return isThenable(off) ? off.then(isAny) : isAny(off)
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(() => listener())
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'switches', store: this.#store.describe() }
  }
}

const kinds = ['guard', 'model', 'tool', 'tenant'] as const

/** The one entry that a target becomes. @throws TypeError for a target that names nothing, or more than one thing. */
function entry(target: SwitchTarget): string {
  const own: Readonly<Partial<Record<(typeof kinds)[number], unknown>>> = target
  const kind = typeof target === 'object' && target !== null ? kinds.find((one) => Object.hasOwn(own, one)) : undefined
  if (kind === undefined || Object.keys(own).length > 1) throw new TypeError('switches: name exactly one of guard, model, tool and tenant')
  const name = own[kind]
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) throw new TypeError(`switches: ${kind} must be a non-empty text`)
  return `off:${kind}:${name}`
}

// An entry that makes no sense stands for ever.
function endOf(value: string): number {
  return /^\d{12,16}(?:\.\d+)?$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY
}

function namedBy(values: readonly (string | undefined)[], asked: readonly SwitchTarget[]): readonly SwitchTarget[] {
  if (!Array.isArray(values) || (values.length > 0 && values.length !== asked.length)) throw new TypeError('switches: the store answered nonsense')
  // Whatever is there is off, whatever it says.
  return values.length === 0 ? none : asked.filter((_target, index) => values[index] !== undefined)
}

const none: readonly SwitchTarget[] = Object.freeze([])

function isAny(off: readonly SwitchTarget[]): boolean {
  return off.length > 0
}

function isList(targets: SwitchTarget | readonly SwitchTarget[]): targets is readonly SwitchTarget[] {
  return Array.isArray(targets)
}
