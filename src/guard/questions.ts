import type { Awaitable, Decision, Resource } from './context.ts'
import { GuardError } from './errors.ts'
import { liveCall } from './live-calls.ts'

/**
 * Asks policy about something else within this call: the same caller, the same circumstances, no new call.
 *
 * @throws GuardError `misconfigured` once the call has ended, and where nothing in its chain answers.
 */
export function askWithin(call: unknown, action: string, resource: Resource): Awaitable<Decision> {
  const live = liveCall(call)
  const asks = live?.chain.controls.find(({ traits }) => traits.asks !== undefined)?.traits.asks
  if (live === undefined || asks === undefined) throw new GuardError('misconfigured', { reason: 'there is nobody to ask within this call' })
  return asks(live.context, live.step, action, resource)
}
