import { injectiveText } from '../guard/call-digest.ts'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, within } from '../guard/clock.ts'
import type { Attributes, Awaitable, Device, Identity } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { deviceOf, withDevice } from './make-identity.ts'

/**
 * What is known of devices, as by a service that manages them. `knownDevices` is one in the process. What throws, is late or
 * answers nonsense leaves a device `unknown`: an attribute that policy can refuse.
 */
export interface DevicePosture {
  /** What is known of a device, by its id (`identity.device.id`), and since when; undefined where nothing is. */
  postureOf(device: string, identity: Identity): Awaitable<Posture | undefined>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe?(): Readonly<Record<string, unknown>>
}

/** What is known of one device. */
export interface Posture {
  /** Such as `{ compliant: true, os: 'macos' }`: `subject.posture.*` in policy. */
  readonly attributes: Attributes
  /** Milliseconds since 1970. */
  readonly checkedAt: number
}

/** How `verifyIdentity` learns of devices. */
export interface DeviceOptions {
  readonly posture: DevicePosture
  /** How long ago a posture may have been looked at before it is `stale`, in seconds; 300 unless given. */
  readonly maxAge?: number
  /** How long the answer may take, in milliseconds; 200 unless given. */
  readonly deadline?: number
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0 && Number.isFinite(value)
const checks: Readonly<Record<keyof DeviceOptions, Check>> = {
  posture: [hasMethods('postureOf'), 'a DevicePosture with postureOf()'],
  maxAge: [optional(isPositive), 'a number of seconds above zero'],
  deadline: [optional(isPositive), 'a number of milliseconds above zero'],
}

/** Looks up the posture of the devices that callers prove to have. */
export class Devices {
  readonly #posture: DevicePosture
  readonly #maxAge: number
  readonly #deadline: number

  /** @throws TypeError for wrong options. */
  constructor(options: DeviceOptions) {
    checkOptions('verifyIdentity: devices', options, checks)
    const { posture, maxAge = 300, deadline = 200 } = options
    this.#posture = posture
    this.#maxAge = maxAge * 1000
    this.#deadline = deadline
  }

  describe(): Readonly<Record<string, unknown>> {
    return { posture: this.#posture.describe?.() ?? {}, maxAge: this.#maxAge / 1000, deadline: this.#deadline }
  }

  /** An identity with what is known of its device now; itself where it proved none. */
  attach(identity: Identity, clock: Clock): Awaitable<Identity> {
    const { device } = identity
    if (device === undefined) return identity
    const found = this.#look(device, identity, clock)
    return 'then' in found ? found.then((now) => withDevice(identity, now)) : withDevice(identity, found)
  }

  /** Whether what is known of a device is still what the call was admitted with. */
  isUnchanged(identity: Identity, clock: Clock): Awaitable<boolean> {
    const { device } = identity
    if (device === undefined) return true
    const found = this.#look(device, identity, clock)
    return 'then' in found ? found.then((now) => isSame(now, device)) : isSame(found, device)
  }

  #look({ id }: Device, identity: Identity, clock: Clock): Awaitable<Device> {
    const judge = (posture: unknown): Device => this.#judge(id, posture, clock.now())
    try {
      const answer = this.#posture.postureOf(id, identity)
      if (!isThenable(answer)) return judge(answer)
      return within(clock, this.#deadline, 'The posture of the device', answer).then(judge, () => judge(undefined))
    } catch {
      return judge(undefined)
    }
  }

  #judge(id: string, posture: unknown, now: number): Device {
    const { attributes, checkedAt } = (typeof posture === 'object' && posture !== null ? posture : {}) as Partial<Posture>
    if (typeof attributes !== 'object' || attributes === null || typeof checkedAt !== 'number') return { id, status: 'unknown', posture: {} }
    // Looked at in the future is looked at by a clock that cannot be believed.
    const isFresh = checkedAt <= now + 5_000 && now - checkedAt <= this.#maxAge
    try {
      return deviceOf({ id, status: isFresh ? 'known' : 'stale', posture: attributes })
    } catch {
      return { id, status: 'unknown', posture: {} }
    }
  }
}

function isSame(one: Device, other: Device): boolean {
  // Whatever the order of the members.
  return one.status === other.status && injectiveText(one.posture) === injectiveText(other.posture)
}
