import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type ApprovalRequest,
  approvals,
  audit,
  authorize,
  type AuthorizeOptions,
  elevations,
  guard,
  jwt,
  policySet,
  signApproval,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { assertRejects } from './refusals.ts'
import { type SigningKey, signingKey } from './signing-key.ts'
import { analyst, issuer } from './whole-guard.ts'

interface Transfer {
  to: string
  amount: number
  notes?: string[]
}

const grace = { issuer: 'https://id.example', subject: 'grace' }
const rules = [{ id: 'pay', effect: 'permit', action: ['pay', 'refund'], obligations: [{ type: 'require_approval' }] }]

/** Without controls that read texts: these arguments are of no vendor's shape. */
function guardWith(log: ReturnType<typeof recordingLog>, options: AuthorizeOptions) {
  return guard({ name: 'conformance', onError: () => {} })
    .use(audit({ log, content: 'digest' }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
    .use(authorize(options))
}

async function scene() {
  const key: SigningKey = await signingKey('grace-1')
  const requests: ApprovalRequest[] = []
  const approving = approvals({ approvers: [{ ...grace, keys: key.jwks }], onRequest: (request) => void requests.push(request) })
  const log = recordingLog()
  const ran: Transfer[] = []
  const base = guardWith(log, { evaluator: policySet({ id: 'conformance-policy', rules }), approvals: approving })
  const paying = (action: string, id: string) =>
    base.protect((input: Transfer) => void ran.push(input), { action, resource: { type: 'account', id } })
  const pay = paying('pay', 'ours')
  const ada = { credentials: await analyst('ada') }
  const askFor = async (input: Transfer): Promise<ApprovalRequest> => {
    await assertRejects(pay(input, ada), 'approval_required')
    return requests.at(-1) ?? assert.fail()
  }
  const approve = async (request: ApprovalRequest): Promise<string> => signApproval(request, { ...grace, key: { ...key.jwk, alg: 'ES256' } })
  return { log, ran, requests, paying, pay, ada, askFor, approve }
}

describe('A13: what was approved is what runs', () => {
  test('the arguments that the approver was shown, to the last of them, whatever they are changed to', async () => {
    const { ran, pay, ada, askFor, approve } = await scene()
    const input: Transfer = { to: 'bob', amount: 1, notes: ['rent'] }
    const request = await askFor(input)
    const text = await approve(request)
    // Nor can the approver's program change what runs.
    Object.assign(request.input as Transfer, { amount: 1_000_000 })
    for (const other of [
      { ...input, amount: 1_000_000 },
      { ...input, to: 'mallory' },
      { ...input, notes: ['rent', 'all of it'] },
      { ...input, notes: [] },
      { to: 'bob', amount: 1 },
      { ...input, more: true },
      { ...input, amount: '1' as never },
      { ...input, to: 'bob\u200b' },
    ])
      await assertRejects(pay(other, { ...ada, approvals: [text] }), 'approval_required')
    assert.deepEqual(ran, [])
    await pay(input, { ...ada, approvals: [text] })
    assert.deepEqual(ran, [{ to: 'bob', amount: 1, notes: ['rent'] }])
  })

  test('also where they are changed after the call, by a getter or by a proxy', async () => {
    const { ran, pay, ada, askFor, approve } = await scene()
    const approved = async (): Promise<string> => approve(await askFor({ to: 'bob', amount: 1 }))
    const input: Transfer = { to: 'bob', amount: 1 }
    const running = pay(input, { ...ada, approvals: [await approved()] })
    input.amount = 1_000_000
    await running
    let reads = 0
    const shifty = {
      to: 'bob',
      get amount() {
        return reads++ === 0 ? 1 : 1_000_000
      },
    }
    await pay(shifty, { ...ada, approvals: [await approved()] })
    let seen = 0
    const proxy = new Proxy(
      { to: 'bob', amount: 1 },
      { get: (target, name) => (name === 'amount' && seen++ > 0 ? 1_000_000 : Reflect.get(target, name)) as unknown },
    )
    await pay(proxy, { ...ada, approvals: [await approved()] })
    assert.deepEqual(ran, Array(3).fill({ to: 'bob', amount: 1 }))
  })

  test('once, however many ask at the same time', async () => {
    const { ran, pay, ada, askFor, approve, log } = await scene()
    const text = await approve(await askFor({ to: 'bob', amount: 1 }))
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => pay({ to: 'bob', amount: 1 }, { ...ada, approvals: [text] })))
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    await assertRejects(pay({ to: 'bob', amount: 1 }, { ...ada, approvals: [text] }), 'approval_required')
    assert.equal(ran.length, 1)
    // And the log says by whom, of that one call alone.
    const allowed = log.entries.filter((entry) => entry.kind === 'decision' && entry.allowed)
    assert.equal(allowed.length, 1)
    assert.deepEqual(
      allowed.map((entry) => entry.kind === 'decision' && [entry.approval?.issuer, entry.approval?.subject]),
      [[grace.issuer, grace.subject]],
    )
  })

  test('for that caller, that action and that resource', async () => {
    const { ran, paying, pay, ada, askFor, approve } = await scene()
    const input: Transfer = { to: 'bob', amount: 1 }
    const more = { approvals: [await approve(await askFor(input))] }
    await assertRejects(pay(input, { credentials: await analyst('eve'), ...more }), 'approval_required')
    await assertRejects(
      pay(input, { credentials: await issuer.bearer({ sub: 'ada', roles: [], act: { sub: 'agent' } }), ...more }),
      'approval_required',
    )
    await assertRejects(paying('refund', 'ours')(input, { ...ada, ...more }), 'approval_required')
    await assertRejects(paying('pay', 'theirs')(input, { ...ada, ...more }), 'approval_required')
    await assertRejects(pay(input, { ...ada, ...more, attributes: { risk: 1 } }), 'approval_required')
    assert.equal(ran.length, 0)
    await pay(input, { ...ada, ...more })
    assert.equal(ran.length, 1)
  })

  test('an elevation is the one that was permitted: another role, a finished call and a copy of it give nothing', async () => {
    const elevating = elevations()
    const permits = [
      { id: 'may-elevate', effect: 'permit', action: ['elevate'], resource: { type: 'role', id: ['reader'] } },
      { id: 'may-ask', effect: 'permit', action: ['ask'] },
    ]
    const base = guardWith(recordingLog(), { evaluator: policySet({ id: 'conformance-policy', rules: permits }), elevations: elevating })
    const credentials = { credentials: await analyst('ada') }
    let kept: Parameters<typeof elevating.elevate>[0] | undefined
    const elevate = base.protect(
      async (role: string, call) => {
        kept = call
        await assert.rejects(async () => elevating.elevate({ ...call }, 'reader', 60, 'a copy'), TypeError)
        await elevating.elevate(call, role, 60, 'incident')
      },
      { action: 'elevate', resource: { type: 'role', id: 'reader' } },
    )
    await assert.rejects(elevate('admin', credentials), TypeError)
    const elsewhere = base.protect((_input: null, call) => elevating.elevate(call, 'reader', 60, 'x'), {
      action: 'ask',
      resource: { type: 'role', id: 'reader' },
    })
    await assert.rejects(elsewhere(null, credentials), TypeError)
    assert.ok(kept !== undefined)
    const call = kept
    assert.deepEqual(await elevating.rolesOf(call.identity, Date.now()), [])
    await elevate('reader', credentials)
    assert.deepEqual(await elevating.rolesOf(call.identity, Date.now()), ['reader'])
    await elevating.end(call.identity, 'reader')
    await assert.rejects(async () => elevating.elevate(call, 'reader', 60, 'too late'), TypeError)
    assert.deepEqual(await elevating.rolesOf(call.identity, Date.now()), [])
  })
})
