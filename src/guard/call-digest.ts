import type { Call, Identity } from './context.ts'
import { GuardError } from './errors.ts'

/**
 * A value as a text: one text for one value, whatever the order of its members, and never one text for two values. What JSON
 * can hold is written as RFC 8785 writes it, but for a negative zero, which a function can tell from zero; bytes are written
 * as JSON writes nothing.
 *
 * @throws GuardError `misconfigured` for what is neither, which no codec should have let through.
 */
export function injectiveText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'boolean':
      return String(value)
    case 'number':
      if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : JSON.stringify(value)
      break
    case 'object':
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return `<${base64Of(value)}>`
      return Array.isArray(value) ? `[${value.map(injectiveText).join(',')}]` : membersText(value)
  }
  throw new GuardError('misconfigured', { reason: `an input holds a ${typeof value}, which has no digest` })
}

// A multiple of three at a time, and few enough for each to be an argument.
function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 12_288) text += btoa(String.fromCharCode(...bytes.subarray(at, at + 12_288)))
  return text
}

function membersText(value: object): string {
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${injectiveText(member)}`).join(',')}}`
}

/**
 * What is approved: this action on this resource, by this caller in this tenant and by who acts for it, with exactly these
 * arguments and under the circumstances that the application states.
 */
export type ApprovedCall = Pick<Call, 'guard' | 'action' | 'resource' | 'attributes'> & {
  readonly identity: Pick<Identity, 'key' | 'tenant' | 'actors'>
}

/** The SHA-256 of a call and its arguments: equal for equal calls alone, whoever makes them and when. */
export async function callDigest(call: ApprovedCall, input: unknown): Promise<Uint8Array<ArrayBuffer>> {
  const { guard, action, resource, attributes, identity } = call
  const { key, tenant = null, actors } = identity
  const text = injectiveText([guard, action, resource, attributes, key, tenant, actors, input])
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
