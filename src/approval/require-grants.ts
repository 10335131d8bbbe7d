import type { Outside } from '../guard/codec.ts'
import type { Awaitable, Call, Decision, Identity, Resource } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import type { VendorGrants } from './vendor-grants.ts'

/** More than any request refers to. */
const maxOutside = 256

/** What of a request lies or runs at a vendor. */
export function outsideOf({ codec, input }: Pick<Step, 'codec' | 'input'>): readonly Outside[] {
  return codec === undefined || input === undefined ? [] : (codec.facts(input).external ?? [])
}

/** How policy is asked within a call, and whether its answer is a yes without more duties than the call has. */
export interface GrantAsking {
  readonly ask: (action: string, resource: Resource) => Awaitable<Decision>
  readonly covers: (decision: Decision) => boolean
}

/**
 * Lets what lies or runs at a vendor pass only where policy permits each of it and each reference is this caller's own.
 *
 * @throws GuardError `payload_unsupported` where nobody grants such things, `denied` where it is not granted.
 */
export async function requireGrants(
  grants: VendorGrants | undefined,
  outside: readonly Outside[],
  call: Call & { readonly identity: Identity },
  step: Step,
  { ask, covers }: GrantAsking,
): Promise<void> {
  if (grants === undefined)
    throw new GuardError('payload_unsupported', { reason: `what lies or runs at the vendor (${outside[0]?.type ?? ''}), and nobody grants it` })
  if (outside.length > maxOutside) throw new GuardError('payload_too_large', { reason: `more than ${maxOutside} references` })
  const asked = new Map<string, Resource>()
  for (const { kind, type, id } of outside) {
    const resource = kind === 'hosted' ? { type: 'hosted_tool', id } : { type: 'vendor_reference', id: type }
    asked.set(JSON.stringify(resource), resource)
  }
  for (const resource of asked.values())
    if (!covers(await ask('use', resource))) throw new GuardError('denied', { reason: `no rule grants the use of ${resource.type} ${resource.id}` })
  const references = outside.filter(({ kind }) => kind === 'reference')
  if (!(await grants.own(references, call.identity, step.clock)))
    throw new GuardError('denied', { reason: "a reference into the vendor's store that is not this caller's own" })
}
