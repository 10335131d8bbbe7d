import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, within } from '../guard/clock.ts'
import type { Outside } from '../guard/codec.ts'
import type { Awaitable, Call, Identity, Known } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { liveCall } from '../guard/live-calls.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore, StoredEntry } from '../state/state-store.ts'

/** Options of `vendorGrants`. */
export interface VendorGrantsOptions {
  /** Where is remembered whose each reference is, shared by all instances; a memory of its own unless given. */
  readonly store?: StateStore
  /** How long a reference is its caller's, in seconds; 2,592,000 (30 days) unless given. */
  readonly ttl?: number
}

/** Whose the things in a vendor's store are. */
export interface VendorGrants {
  /**
   * Says that something was put into the vendor's store for this call, such as a file that the application uploaded: from now on it is its
   * caller's. What a guarded call creates, the answers, conversations and containers, is bound by itself.
   *
   * @throws TypeError where the call has ended. @throws GuardError `denied` where it is somebody else's.
   */
  bind(call: Call, reference: { readonly type: Outside['type']; readonly id: string }): Promise<void>
  /** Whether all of these are this caller's. For `authorize`. @throws GuardError where the store does not answer. */
  own(references: readonly Outside[], identity: Identity, clock: Clock): Promise<boolean>
  /** Binds what a call has created. For `authorize`. @throws GuardError where the store does not answer. */
  created(references: readonly Outside[], identity: Identity, clock: Clock): Promise<void>
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

const checks: Readonly<Record<keyof VendorGrantsOptions, Check>> = {
  store: [optional(hasMethods('get', 'set', 'describe')), 'a StateStore'],
  ttl: [optional((value) => typeof value === 'number' && value > 0 && value < 1e9), 'seconds above zero'],
}

/** How long the store may take, in milliseconds. */
const patience = 2_000

/**
 * What `authorize` needs to let calls refer to what lies at a vendor, and use tools that run there: with it, and with a codec from
 * `withVendorStore`, such a call is let in where policy permits each of them (action `use`, resource `{ type: 'vendor_reference', id: 'answer' }`, `file`,
 * ..., or `{ type: 'hosted_tool', id: 'web_search' }`) and each reference is bound to this very caller.
 *
 * What a call creates is bound to its caller before the answer is handed on: answers, conversations, containers. A reference that nobody
 * bound, or that is another caller's or another tenant's, is refused.
 *
 * ```ts
 * const grants = vendorGrants({ store })
 * const decided = authorize({ evaluator: policySet(policy), grants })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function vendorGrants(options: VendorGrantsOptions = {}): VendorGrants {
  checkOptions('vendorGrants', options, checks)
  const { store = memoryState(), ttl = 2_592_000 } = options

  const created = async (references: readonly Outside[], identity: Identity, clock: Clock): Promise<void> => {
    const owner = ownerOf(identity)
    const now = clock.now()
    const keys = references.map(keyOf)
    const found = await look(store, keys, clock)
    for (const [index, key] of keys.entries()) {
      const before = found[index]
      if (before === owner) continue
      // Whoever was there first stays: an id that comes a second time gives nobody what is another's.
      if (before !== undefined) throw new GuardError('denied', { reason: 'what the vendor names is bound to another caller' })
      await take(key, { value: owner, expiresAt: now + ttl * 1000 }, clock)
    }
  }

  // In one step where the store can, so that of two callers who are told of one id at once only one has it.
  const take = async (key: string, entry: StoredEntry, clock: Clock): Promise<void> => {
    const { replace } = store
    if (replace === undefined) return ask(clock, () => store.set(key, entry.value, entry.expiresAt, clock.now()))
    if ((await ask(clock, () => replace.call(store, key, undefined, entry, clock.now()))) !== true)
      throw new GuardError('denied', { reason: 'what the vendor names was bound at the same moment' })
  }

  return Object.freeze({
    created,
    async own(references: readonly Outside[], identity: Identity, clock: Clock): Promise<boolean> {
      const owner = ownerOf(identity)
      const found = await look(store, references.map(keyOf), clock)
      return references.every((_, index) => found[index] === owner)
    },
    async bind(call: Call, { type, id }: { readonly type: Outside['type']; readonly id: string }): Promise<void> {
      const live = liveCall(call)
      const identity = (live?.context as (Call & Partial<Known>) | undefined)?.identity
      if (live === undefined || identity === undefined) throw new TypeError('vendorGrants: bind: give a call that lasts')
      if (typeof type !== 'string' || type === '' || typeof id !== 'string' || id === '')
        throw new TypeError('vendorGrants: bind: a reference has a type and an id')
      await created([{ kind: 'reference', type, id }], identity, live.step.clock)
    },
    describe: () => ({ store: store.describe(), ttl }),
  })
}

// The tenant as well: one caller may work for two, and neither is to see what the other has stored.
function ownerOf({ key, tenant }: Identity): string {
  return JSON.stringify([tenant ?? null, key])
}

function keyOf({ type, id }: Outside): string {
  return `vendor:${type.length}:${type}${id}`
}

async function look(store: StateStore, keys: readonly string[], clock: Clock): Promise<readonly (string | undefined)[]> {
  if (keys.length === 0) return []
  const found: unknown = await ask(clock, () => store.get(keys, clock.now()))
  if (!Array.isArray(found)) throw unavailable(new TypeError('the store answered nonsense'))
  return found as readonly (string | undefined)[]
}

async function ask<T>(clock: Clock, task: () => Awaitable<T>): Promise<T> {
  try {
    return await within(clock, patience, 'The store of references', task())
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable(cause: unknown): GuardError {
  return new GuardError('policy_unavailable', { reason: 'whose a reference is could not be told', cause })
}
