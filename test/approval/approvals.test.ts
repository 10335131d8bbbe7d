import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type ApprovalRequest, approvals, type ApprovalsOptions } from '../../src/approval/approvals.ts'
import { signApproval } from '../../src/approval/sign-approval.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { CallOptions } from '../../src/guard/call-options.ts'
import { control } from '../../src/guard/control.ts'
import { GuardError, isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

async function keyOf(kid: string, algorithm: 'ES256' | 'EdDSA' = 'ES256'): Promise<{ privateJwk: JWK; publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  return {
    privateJwk: { ...(await exportJWK(privateKey)), kid, alg: algorithm },
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm },
  }
}

const grace = { issuer: 'https://id.example', subject: 'grace', ...(await keyOf('grace-1')) }
const linus = { issuer: 'https://id.example', subject: 'linus', ...(await keyOf('linus-1', 'EdDSA')) }
const approver = ({ issuer, subject, publicJwk }: typeof grace) => ({ issuer, subject, keys: { keys: [publicJwk] } })
const transfer = { to: 'DE89370400440532013000', amount: 100, memo: { text: 'rent', tags: ['a', 'b'] } }

function scene(options: Partial<ApprovalsOptions> = {}, name = 'bank') {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const requests: ApprovalRequest[] = []
  const log = recordingLog()
  const approving = approvals({ approvers: [approver(grace), approver(linus)], onRequest: (request) => void requests.push(request), ...options })
  const state = { ran: [] as unknown[], refuseLate: false }
  const base = guard({ name, clock, onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, issuer: issuer.issuer, clock })] }))
    .use(
      authorize({
        evaluator: policySet({ id: 'p', rules: [{ id: 'pay', effect: 'permit', obligations: [{ type: 'require_approval' }] }] }),
        approvals: approving,
      }),
    )
    .use(
      control('late', {
        request() {
          if (state.refuseLate) throw new GuardError('payload_blocked')
        },
      }),
    )
  const pay = base.protect((input: unknown) => state.ran.push(input), { action: 'execute_tool', resource: { type: 'tool', id: 'pay' } })
  const credentials = issuer.bearer({ sub: 'ada' }, { expiresIn: 30_000 })
  const call = async (input: unknown, more: CallOptions = {}) => pay(input, { credentials: await credentials, ...more })
  const asked = async (input: unknown = transfer): Promise<ApprovalRequest> => {
    const error = await call(input).catch((refusal: unknown) => refusal)
    assert.ok(isGuardError(error) && error.code === 'approval_required', String(error))
    const request = requests.at(-1)
    assert.ok(request)
    return request
  }
  const sign = (request: Pick<ApprovalRequest, 'digest' | 'guard'>, by = grace, more: object = {}) =>
    signApproval(request, { issuer: by.issuer, subject: by.subject, key: by.privateJwk, clock, ...more })
  const refused = async (input: unknown, approvalTexts: readonly string[], more: CallOptions = {}) => {
    const error = await call(input, { approvals: approvalTexts, ...more }).catch((refusal: unknown) => refusal)
    assert.ok(isGuardError(error) && error.code === 'approval_required', `${String(error)} ${reasonOf(error)}`)
    return error
  }
  return { clock, issuer, requests, log, state, base, pay, call, asked, sign, refused }
}

/** A store that says it has not seen anything yet until twenty have asked: then all come to use what they have at once. */
function raced(store: ReturnType<typeof memoryState>): typeof store {
  let asking = 0
  let letGo = (): void => {}
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  return {
    ...store,
    add: (...parts) => store.add(...parts),
    describe: () => store.describe(),
    async get(...parts) {
      const found = await store.get(...parts)
      if (++asking === 20) letGo()
      await gate
      return found
    },
  }
}

describe('an approval (A13)', () => {
  test('is asked for by a refusal that names it, and lets that one call through', async () => {
    const { call, asked, sign, requests, state, log } = scene()
    const error = await call(transfer).catch((refusal: unknown) => refusal)
    assert.ok(isGuardError(error))
    const named = JSON.parse(Buffer.from(error.headers['approval-request'] ?? '', 'base64url').toString()) as object
    const [request] = requests
    assert.ok(request)
    assert.deepEqual(named, {
      id: request.id,
      digest: request.digest,
      guard: 'bank',
      action: 'execute_tool',
      resource: { type: 'tool', id: 'pay' },
    })
    assert.deepEqual(request.input, transfer)
    assert.equal(request.requester.subject, 'ada')
    assert.ok(!JSON.stringify(error).includes('DE89') && !JSON.stringify(named).includes('DE89'))
    await call(transfer, { approvals: [await sign(await asked())] })
    assert.deepEqual(state.ran, [transfer])
    assert.ok(log.entries.length > 0)
  })

  test('is used once, also when many calls come with it at once', async () => {
    const { call, asked, sign, refused, state, log } = scene({ store: raced(memoryState()) })
    const text = await sign(await asked())
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => call(transfer, { approvals: [text] })))
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal(state.ran.length, 1)
    // Nor does the log say that any other was let in, or approved.
    const decisions = log.entries.filter((entry) => entry.kind === 'decision')
    assert.equal(decisions.filter((entry) => entry.kind === 'decision' && entry.allowed).length, 1)
    assert.equal(decisions.filter((entry) => entry.kind === 'decision' && entry.approval !== undefined).length, 1)
    await refused(transfer, [text])
    await call(transfer, { approvals: [text, await sign(await asked())] })
    assert.equal(state.ran.length, 2)
  })

  test('is used up only by a call that runs, and shared between instances', async () => {
    const store = memoryState()
    const { call, asked, sign, state, refused } = scene({ store })
    const text = await sign(await asked())
    state.refuseLate = true
    await assert.rejects(call(transfer, { approvals: [text] }), { code: 'payload_blocked' })
    state.refuseLate = false
    await call(transfer, { approvals: [text] })
    const other = scene({ store })
    await other.refused(transfer, [text])
    await refused(transfer, [text])
    assert.equal(state.ran.length + other.state.ran.length, 1)
  })

  test('is for exactly these arguments', async () => {
    const { asked, sign, refused, state } = scene()
    const text = await sign(await asked())
    for (const input of [
      { ...transfer, amount: 1000 },
      { ...transfer, amount: '100' },
      { ...transfer, more: null },
      { to: transfer.to, amount: 100 },
      { ...transfer, memo: { text: 'rent', tags: ['b', 'a'] } },
      { ...transfer, to: `${transfer.to}0` },
      [transfer],
      null,
    ])
      await refused(input, [text])
    assert.equal(state.ran.length, 0)
  })

  test('holds whatever the order of members, and whatever is done to the arguments afterwards', async () => {
    const { pay, issuer, asked, sign, requests, state } = scene()
    const text = await sign(await asked())
    const { memo, ...rest } = transfer
    const mine = { memo: { ...memo }, ...rest }
    const running = pay(mine, { credentials: await issuer.bearer({ sub: 'ada' }), approvals: [text] })
    mine.amount = 1_000_000
    await running
    assert.deepEqual(state.ran, [transfer])
    // Nor can what the approver is shown change what runs.
    assert.throws(() => Object.assign(requests[0] ?? {}, { digest: '' }), TypeError)
  })

  test('is for this caller, this action and this guard', async () => {
    const { asked, sign, refused, issuer } = scene()
    const text = await sign(await asked())
    await refused(transfer, [text], { credentials: await issuer.bearer({ sub: 'bob' }) })
    const elsewhere = scene({}, 'other-bank')
    await elsewhere.refused(transfer, [text])
  })

  test('is for this caller itself, in this tenant, and under what the application stated', async () => {
    const { asked, sign, refused, issuer } = scene()
    const text = await sign(await asked())
    await refused(transfer, [text], { credentials: await issuer.bearer({ sub: 'ada', act: { sub: 'bot' } }) })
    await refused(transfer, [text], { credentials: await issuer.bearer({ sub: 'ada', tenant: 'evil' }) })
    await refused(transfer, [text], { attributes: { account: 'all' } })
  })

  test('is signed by an approver, and by nobody else', async () => {
    const { asked, sign, refused, clock, state } = scene()
    const request = await asked()
    const stranger = { ...grace, ...(await keyOf('grace-1')) }
    const good = await sign(request)
    const [header = '', claims = '', signature = ''] = good.split('.')
    const make = (claimChanges: object, headerChanges: object = {}) => {
      const own = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
      return new SignJWT({ ...own, ...claimChanges } as never)
        .setProtectedHeader({ alg: 'ES256', typ: 'approval+jwt', kid: 'grace-1', ...headerChanges } as never)
        .sign({ ...grace.privateJwk } as never)
    }
    for (const text of [
      await sign(request, stranger),
      await sign(request, { ...linus, subject: 'grace' }),
      await sign(request, { ...grace, subject: 'nobody' }),
      `${header}.${claims}.${signature.slice(0, -4)}AAAA`,
      `${Buffer.from('{"alg":"none","typ":"approval+jwt"}').toString('base64url')}.${claims}.`,
      `${header}.${Buffer.from(JSON.stringify({ decision: 'approve' })).toString('base64url')}.${signature}`,
      await make({ decision: 'refuse' }),
      await make({ decision: undefined }),
      await make({ jti: undefined }),
      await make({ exp: undefined }),
      await make({ exp: Math.floor(clock.now() / 1000) }),
      await make({ iat: Math.floor(clock.now() / 1000) + 120 }),
      await make({ aud: 'other' }),
      await make({ digest: 'x' }),
      await make({}, { typ: 'JWT' }),
      await make({}, { typ: 'at+jwt' }),
      await make({}, { kid: 'linus-1' }),
      'nonsense',
      '',
    ])
      await refused(transfer, [text])
    assert.equal(state.ran.length, 0)
  })

  test('expires, by what it says and by how old it may be', async () => {
    const { asked, sign, refused, clock } = scene({ maxAge: 600 })
    const request = await asked()
    const short = await sign(request, grace, { ttl: 60 })
    const long = await sign(request, grace, { ttl: 86_400 })
    clock.advance(60_000)
    await refused(transfer, [short])
    clock.advance(541_000)
    await refused(transfer, [long])
  })

  test('is never of the requester, nor of who acts for the requester', async () => {
    const own = { ...approver(grace), issuer: 'https://issuer.example' }
    const { issuer, sign, refused } = scene({ approvers: [own] })
    const by = { ...grace, issuer: 'https://issuer.example' }
    const credentials = await issuer.bearer({ sub: 'grace' }, { expiresIn: 30_000 })
    const error = await refused(transfer, [], { credentials })
    const named = JSON.parse(Buffer.from(error.headers['approval-request'] ?? '', 'base64url').toString()) as ApprovalRequest
    await refused(transfer, [await sign(named, by)], { credentials })
    const acting = await issuer.bearer({ sub: 'ada', act: { sub: 'bot', act: { sub: 'grace' } } }, { expiresIn: 30_000 })
    const second = await refused(transfer, [], { credentials: acting })
    const forAda = JSON.parse(Buffer.from(second.headers['approval-request'] ?? '', 'base64url').toString()) as ApprovalRequest
    await refused(transfer, [await sign(forAda, by)], { credentials: acting })
  })

  test('can be kept to some approvers for some calls', async () => {
    const { asked, sign, call, refused } = scene({ permits: ({ subject }, { resource }) => resource.id !== 'pay' || subject === 'linus' })
    const request = await asked()
    await refused(transfer, [await sign(request)])
    await call(transfer, { approvals: [await sign(request, linus)] })
  })

  test('is refused where nobody can be told, where the store fails, and where nobody can approve', async () => {
    const down = () => Promise.reject(new Error('down'))
    const silent = scene({ onRequest: down })
    await assert.rejects(silent.call(transfer), { code: 'keys_unavailable' })
    const store = { get: () => [], add: down, describe: () => ({}) }
    const forgetful = scene({ store: store as never })
    const text = await forgetful.sign(await forgetful.asked())
    await assert.rejects(forgetful.call(transfer, { approvals: [text] }), { code: 'keys_unavailable' })
    assert.equal(forgetful.state.ran.length, 0)
    const odd = scene({ store: { get: () => [], add: () => 'yes', describe: () => ({}) } as never })
    const other = await odd.sign(await odd.asked())
    await odd.refused(transfer, [other])
  })

  test('is checked when it is made', async () => {
    for (const options of [
      { approvers: [] },
      { approvers: undefined },
      { approvers: [approver(grace), approver(grace)] },
      { approvers: [{ ...approver(grace), keys: { keys: [grace.privateJwk] } }] },
      { approvers: [{ ...approver(grace), keys: { keys: [{ kty: 'oct', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I', alg: 'HS256' }] } }] },
      { approvers: [{ subject: 'x', keys: { keys: [grace.publicJwk] } }] },
      { approvers: [approver(grace)], maxAge: 0 },
      { approvers: [approver(grace)], store: {} },
      { approvers: [approver(grace)], unknown: 1 },
    ])
      assert.throws(() => approvals(options as never), TypeError, JSON.stringify(options))
    const request = { digest: 'A'.repeat(43), guard: 'bank' }
    for (const options of [{ key: grace.publicJwk }, { ttl: 0 }, { subject: '' }, { unknown: 1 }])
      await assert.rejects(signApproval(request, { issuer: 'i', subject: 's', key: grace.privateJwk, ...options } as never), TypeError)
    await assert.rejects(signApproval({ ...request, digest: 'short' }, { issuer: 'i', subject: 's', key: grace.privateJwk }), TypeError)
    assert.deepEqual(JSON.stringify(approvals({ approvers: [approver(grace)] }).describe()).includes('"d"'), false)
  })
})
