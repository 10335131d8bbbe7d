import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { every, within } from '../guard/clock.ts'
import type { Codec } from '../guard/codec.ts'
import type { Awaitable, Call, Known, Settled } from '../guard/context.ts'
import { builtIn, type Control, type Outcome, type Phases, type Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import type { Switches, SwitchTarget } from '../state/switches.ts'

/** Options of `killSwitch`. */
export interface KillSwitchOptions {
  /** What is off, such as `switches()`. */
  readonly switches: Switches
  /** How often a running stream is looked at again, in seconds; 0.5 unless given. What the store tells ends it at once. */
  readonly recheck?: { readonly every: number }
}

type Identified = Call & Pick<Known, 'identity'>

/** How long the switches may take, in milliseconds: with a look every half second, a running stream ends within one. */
const deadline = 450
/** More tools than any request offers. */
const maxTools = 1_000

const checks: Readonly<Record<keyof KillSwitchOptions, Check>> = {
  switches: [hasMethods('offAmong', 'subscribe', 'describe'), 'switches()'],
  recheck: [optional((value) => typeof value === 'object' && value !== null), 'an object with every'],
}
const recheckChecks: Readonly<Record<string, Check>> = {
  every: [(value) => typeof value === 'number' && value > 0 && value < 1e6, 'seconds above zero'],
}

/**
 * Refuses what was switched off: new calls, and running ones, whose function is aborted. Stands behind `verifyIdentity`,
 * best right behind it.
 *
 * A call is off where its guard is, the caller's tenant, the model (the resource of type `model`, and the one that the payload
 * names), or a tool: the resource of type `tool` or of the action `execute_tool`, and each one that the payload offers to the
 * model. What a payload names is what its codec reads: without a codec only the resource is seen, so give the operations of
 * models one. A call on behalf of another is off as well where that one's guard, or the model or tool that is its resource, is.
 *
 * A running call ends as soon as the store tells of it; a stream in any case when it is looked at again, and a whole answer is
 * looked at once more before it is released. Where the switches do not answer, it is refused.
 *
 * ```ts
 * const stop = switches()
 * const base = guard().use(audit({ log })).use(verifyIdentity({ verifiers })).use(killSwitch({ switches: stop }))
 * ```
 *
 * Refuses with `switched_off` (503), and with `payload_too_large` a payload that offers more than 1,000 tools.
 *
 * @throws TypeError for wrong options.
 */
export function killSwitch(options: KillSwitchOptions): Control<Identified, object> {
  checkOptions('killSwitch', options, checks)
  const { switches, recheck = { every: 0.5 } } = options
  checkOptions('killSwitch: recheck', recheck, recheckChecks)
  const period = recheck.every * 1000
  return builtIn<Identified, object>(
    'killSwitch',
    new KillSwitch(switches, period),
    { needs: ['identity'], describe: { switches: switches.describe(), recheck: { every: recheck.every } } },
    {},
  )
}

class KillSwitch implements Phases<Identified, object> {
  readonly #switches: Switches
  /** Milliseconds. */
  readonly #period: number
  readonly #watches = new WeakMap<Step, Watch>()

  constructor(switches: Switches, period: number) {
    this.#switches = switches
    this.#period = period
  }

  enter(call: Identified, step: Step): Awaitable<void> {
    const watch = new Watch(this.#switches, step)
    this.#watches.set(step, watch)
    watch.targets = targetsOf(call, step.codec, step.input)
    // First, so that nothing that is switched off meanwhile is missed.
    watch.listen()
    return watch.require()
  }

  request(input: unknown, context: Identified, _call: Settled, step: Step): Awaitable<void> {
    const watch = this.#watches.get(step)
    if (watch === undefined || watch.isComplete) return
    // The payload arrived sealed, and a control behind this one has opened it.
    watch.targets = targetsOf(context, step.codec, input)
    return watch.require()
  }

  response(parts: AsyncIterable<unknown>, _context: Identified, _call: Settled, step: Step): AsyncIterable<unknown> {
    const watch = this.#watches.get(step)
    if (step.streamed && watch !== undefined) {
      watch.repeat(this.#period)
      step.onDelivery(() => watch.look())
    }
    return parts
  }

  leave(outcome: Outcome, _context: unknown, _call: Settled, step: Step): Awaitable<void> {
    const watch = this.#watches.get(step)
    this.#watches.delete(step)
    watch?.stop()
    // A whole answer leaves at once, so this is the last moment: the function may have taken its time.
    if (outcome.ending === 'completed' && !outcome.streamed) return watch?.require()
  }
}

/** One call, and what must not be off while it runs. */
class Watch {
  targets: readonly SwitchTarget[] = []
  /** Whether the payload was there to be read. */
  readonly isComplete: boolean
  readonly #switches: Switches
  readonly #step: Step
  #isOver = false
  #unsubscribe = (): void => {}
  #cancel = (): void => {}

  constructor(switches: Switches, step: Step) {
    this.#switches = switches
    this.#step = step
    this.isComplete = step.input !== undefined
  }

  listen(): void {
    let subscribed: unknown
    try {
      subscribed = this.#switches.subscribe(() => void this.look())
    } catch (error) {
      throw unavailable(error)
    }
    if (typeof subscribed === 'function') this.#unsubscribe = subscribed as () => void
    else {
      abandon(subscribed)
      throw new GuardError('misconfigured', { reason: 'the switches gave nothing to unsubscribe with' })
    }
  }

  /** @param period milliseconds. */
  repeat(period: number): void {
    this.#cancel = every(this.#step.clock, period, () => this.look())
  }

  stop(): void {
    this.#isOver = true
    this.#cancel()
    this.#unsubscribe()
  }

  /** @throws GuardError `switched_off` */
  require(): Awaitable<void> {
    try {
      const off = this.#switches.offAmong(this.targets)
      if (!isThenable(off)) return judge(off)
      return within(this.#step.clock, deadline, 'The switches', off).then(judge).catch(asUnavailable)
    } catch (error) {
      asUnavailable(error)
    }
  }

  /** Looks now, and ends the call where something of it is off. */
  look(): Awaitable<void> {
    if (this.#isOver) return
    try {
      return this.require()?.catch(this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return
    this.stop()
    this.#step.end(isGuardError(error) ? error : unavailable(error))
  }
}

function targetsOf(call: Identified, codec: Codec | undefined, input: unknown): readonly SwitchTarget[] {
  const targets: SwitchTarget[] = []
  const { tenant } = call.identity
  if (tenant !== undefined) targets.push({ tenant })
  for (let current: Settled | undefined = call; current !== undefined; current = current.parent) {
    const { action, resource } = current
    targets.push({ guard: current.guard })
    if (resource.type === 'model') targets.push({ model: resource.id })
    if (resource.type === 'tool' || action === 'execute_tool') targets.push({ tool: resource.id })
  }
  if (input === undefined || codec === undefined) return targets
  const { model, tools } = codec.facts(input)
  if (tools.length > maxTools) throw new GuardError('payload_too_large', { reason: `the payload offers more than ${maxTools} tools` })
  // A name without a character is none that could be switched off.
  if (model !== undefined && model !== '') targets.push({ model })
  for (const tool of tools) if (tool !== '') targets.push({ tool })
  return targets
}

function judge(off: unknown): void {
  if (Array.isArray(off) && off.length === 0) return
  const [first]: readonly unknown[] = Array.isArray(off) ? off : []
  const [named] = typeof first === 'object' && first !== null ? Object.entries(first) : []
  if (named === undefined) throw new TypeError('the switches answered nonsense')
  throw new GuardError('switched_off', { reason: `the ${named[0]} '${String(named[1])}' is switched off` })
}

function asUnavailable(error: unknown): never {
  throw isGuardError(error) ? error : unavailable(error)
}

function unavailable(cause: unknown): GuardError {
  return new GuardError('switched_off', { reason: 'the switches did not answer', cause })
}
