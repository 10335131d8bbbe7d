import assert from 'node:assert/strict'
import { type GuardErrorCode, isGuardError } from '../../src/index.ts'
import { issuer, policy } from './whole-guard.ts'

/** The status of each code, as the guide for callers has it. */
export const statuses: Readonly<Record<GuardErrorCode, number>> = {
  identity_missing: 401,
  identity_invalid: 401,
  identity_expired: 401,
  identity_revoked: 401,
  binding_required: 401,
  binding_invalid: 401,
  replayed: 401,
  step_up_required: 401,
  denied: 403,
  approval_required: 403,
  obligation_unmet: 403,
  limit_exceeded: 429,
  payload_invalid: 400,
  payload_unsupported: 400,
  payload_blocked: 400,
  decryption_failed: 400,
  payload_too_large: 413,
  policy_unavailable: 503,
  limits_unavailable: 503,
  keys_unavailable: 503,
  audit_unavailable: 503,
  switched_off: 503,
  deadline_exceeded: 504,
  aborted: 499,
  misconfigured: 500,
}

// What no caller is ever told, whatever was refused.
const alwaysPrivate: readonly string[] = [policy.id, ...policy.rules.map(({ id }) => id), issuer.issuer, 'at Object.', '.ts:']

function assertTellsNothing(text: string, privates: readonly string[]): void {
  for (const word of [...alwaysPrivate, ...privates]) assert.ok(!text.includes(word), `the answer tells '${word.slice(0, 60)}'`)
}

/** The response refuses with this code, in the public form, and tells nothing private. */
export async function assertRefused(response: Response, code: GuardErrorCode, privates: readonly string[] = []): Promise<void> {
  const text = await response.text()
  assert.equal(response.status, statuses[code], `status ${response.status} with ${text.slice(0, 200)}`)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  assert.equal(response.headers.get('cache-control'), 'no-store')
  const body = JSON.parse(text) as Record<string, unknown>
  assert.equal(body.code, code)
  assert.equal(body.status, statuses[code])
  const known = ['type', 'title', 'status', 'code', 'error']
  if (code === 'limit_exceeded') {
    // The sorts that draft-ietf-httpapi-ratelimit-headers-10 has, and names of limits, which its header fields tell as well.
    assert.match(
      String(body.type),
      /^https:\/\/iana\.org\/assignments\/http-problem-types#(?:quota-exceeded|temporary-reduced-capacity|abnormal-usage-detected)$/,
    )
    const violated: unknown = body['violated-policies']
    assert.ok(Array.isArray(violated) && violated.length > 0 && violated.every((name) => /^[ !#-[\]-~]{1,64}$/.test(String(name))))
    known.push('violated-policies')
  } else assert.equal(body.type, `urn:sallyport:problem:${code}`)
  assert.deepEqual(
    Object.keys(body).filter((name) => !known.includes(name)),
    [],
  )
  if (statuses[code] === 401) assert.ok(response.headers.has('www-authenticate'), 'a challenge is there')
  assertTellsNothing(text + JSON.stringify([...response.headers]), privates)
}

/** The error is a refusal with this code, and what of it is public tells nothing private. */
export function assertRefusal(error: unknown, code: GuardErrorCode, privates: readonly string[] = []): true {
  assert.ok(isGuardError(error), `no refusal but ${String(error)}`)
  assert.equal(error.code, code)
  assert.equal(error.status, statuses[code])
  assertTellsNothing(JSON.stringify([error, error.message, String(error), error.headers]), privates)
  return true
}

/** The promise rejects with such a refusal. */
export async function assertRejects(promise: Promise<unknown>, code: GuardErrorCode, privates: readonly string[] = []): Promise<void> {
  await assert.rejects(promise, (error) => assertRefusal(error, code, privates))
}
