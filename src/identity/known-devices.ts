import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Attributes, Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import type { DevicePosture, Posture } from './device-posture.ts'

/** Options of `knownDevices`. */
export interface KnownDevicesOptions {
  /** Where postures are kept; a memory of its own unless given. */
  readonly store?: StateStore
  /** How long a report is kept, in seconds; a day unless given. */
  readonly keep?: number
  /** The system's unless given. */
  readonly clock?: Clock
}

/** Devices that somebody reported on. */
export interface KnownDevices extends DevicePosture {
  /** Says what is known of a device from now on. Running streams of callers that use it look again, and end where it has changed. */
  report(device: string, attributes: Attributes): Promise<void>
  /** Forgets a device: it is `unknown` again. */
  forget(device: string): Promise<void>
}

const checks: Readonly<Record<keyof KnownDevicesOptions, Check>> = {
  store: [optional(hasMethods('add', 'set', 'get', 'delete', 'subscribe', 'describe')), 'a StateStore'],
  keep: [optional((value) => typeof value === 'number' && value > 0 && Number.isFinite(value)), 'a number of seconds above zero'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * A list of devices and their postures in a `StateStore`, for `verifyIdentity({ devices: { posture } })`.
 *
 * ```ts
 * const devices = knownDevices()
 * await devices.report(thumbprint, { compliant: true })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function knownDevices(options: KnownDevicesOptions = {}): KnownDevices {
  checkOptions('knownDevices', options, checks)
  const { store = memoryState(), keep = 86_400, clock = systemClock } = options
  return Object.freeze({
    async report(device: string, attributes: Attributes): Promise<void> {
      if (typeof device !== 'string' || device === '') throw new TypeError('report: the device must be a non-empty text')
      const now = clock.now()
      await store.set(keyOf(device), JSON.stringify({ attributes, checkedAt: now }), now + keep * 1000, now)
    },
    async forget(device: string): Promise<void> {
      await store.delete(keyOf(device))
    },
    postureOf(device: string): Awaitable<Posture | undefined> {
      const found = store.get([keyOf(device)], clock.now())
      return isThenable(found) ? Promise.resolve(found).then(([text]) => postureIn(text)) : postureIn(found[0])
    },
    describe: () => ({ kind: 'knownDevices', store: store.describe(), keep }),
  })
}

function keyOf(device: string): string {
  return `device:${device}`
}

function postureIn(text: string | undefined): Posture | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Posture)
}
