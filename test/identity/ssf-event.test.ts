import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Device, Identity } from '../../src/guard/context.ts'
import type { SsfReceiverOptions } from '../../src/identity/ssf-receiver.ts'
import { ada, caep, phone, ssfScene, transmitter } from './ssf-scene.ts'

const session = { format: 'opaque', id: 'session-1' }
const token = { format: 'jwt_id', iss: transmitter, jti: 'token-1' }
const device = { format: 'opaque', id: phone }
const tenant = { format: 'opaque', id: 'acme' }
const onPhone: { readonly device: Device } = { device: { id: phone, status: 'unknown', posture: {} } }
const other = 'https://other.example'

const credential = { credential_type: 'password', change_type: 'update' }
const lower = { namespace: 'NIST-AAL', current_level: 'nist-aal1', previous_level: 'nist-aal2', change_direction: 'decrease' }
const unfit = { previous_status: 'compliant', current_status: 'not-compliant' }

type Somebody = ReturnType<typeof ssfScene>['somebody']

/** Who of these is revoked after one event. */
async function revokedBy(
  type: string,
  subject: unknown,
  payload: Readonly<Record<string, unknown>>,
  people: (somebody: Somebody, seconds: number) => Readonly<Record<string, Identity>>,
  options: Partial<SsfReceiverOptions> = {},
): Promise<string[]> {
  const { send, revocation, somebody, seconds } = ssfScene(options)
  const named = Object.entries(people(somebody, seconds()))
  for (const [, identity] of named) assert.equal(revocation.isRevoked(identity), false)
  const response = await send(type, subject, payload)
  assert.equal(response.status, 202, await response.text())
  return named.filter(([, identity]) => revocation.isRevoked(identity) !== false).map(([name]) => name)
}

/** What an event that cannot be carried out is answered; nobody is revoked. */
async function refusal(type: string, subject: unknown, payload: Readonly<Record<string, unknown>> = {}, options: Partial<SsfReceiverOptions> = {}) {
  const { send, revocation, somebody, told } = ssfScene(options)
  const response = await send(type, subject, payload)
  assert.equal(response.status, 400)
  assert.equal(revocation.isRevoked(somebody(onPhone)), false)
  assert.equal(told.length, 0)
  return ((await response.json()) as { err: string }).err
}

/** Ada at her desk, elsewhere, later, and others. */
const people = (somebody: Somebody, now: number): Readonly<Record<string, Identity>> => ({
  ada: somebody(),
  'another session': somebody({ tokenId: 'token-2' }, { sid: 'session-2' }),
  'the session, later': somebody({ tokenId: 'token-3' }, { iat: now + 2 }),
  'ada, later': somebody({ tokenId: 'token-4' }, { sid: 'session-4', iat: now + 2 }),
  'without a session': somebody({ tokenId: 'token-6' }, { sid: undefined }),
  'without a session, later': somebody({ tokenId: 'token-7' }, { sid: undefined, iat: now + 2 }),
  bob: somebody({ subject: 'bob', tokenId: 'token-5' }, { sid: 'session-5' }),
  'a namesake': somebody({ issuer: other }),
})

describe('session-revoked (CAEP 3.1)', () => {
  const revoked = (subject: unknown, options: Partial<SsfReceiverOptions> = {}) => revokedBy('session-revoked', subject, {}, people, options)

  test('ends the session, whatever is issued to it later', async () => {
    assert.deepEqual(await revoked(session), ['ada', 'the session, later'])
    assert.deepEqual(await revoked({ format: 'complex', session }), ['ada', 'the session, later'])
    assert.deepEqual(await revoked({ format: 'complex', session, user: ada, tenant }), ['ada', 'the session, later', 'without a session'])
    const named = { format: 'iss_sub', iss: transmitter, sub: 'session-1' }
    assert.deepEqual(await revoked({ format: 'complex', session: named }), ['ada', 'the session, later'])
  })

  test('ends every session of a user that began before, where none is named', async () => {
    const before = ['ada', 'another session', 'without a session']
    assert.deepEqual(await revoked(ada), before)
    assert.deepEqual(await revoked({ format: 'complex', user: ada, tenant }), before)
    assert.deepEqual(await revoked({ format: 'complex', user: ada, device }), before)
    assert.deepEqual(await revoked({ format: 'opaque', id: 'ada' }), before, 'an opaque name may be a user')
  })

  test('ends one token', async () => {
    assert.deepEqual(await revoked(token), ['ada'])
    assert.deepEqual(await revoked({ format: 'complex', session: token }), ['ada'])
  })

  test('ends what a device had, where nothing else is named', async () => {
    const devices = (somebody: Somebody, now: number) => ({
      phone: somebody(onPhone),
      'the phone, later': somebody(onPhone, { iat: now + 2 }),
      desk: somebody(),
    })
    assert.deepEqual(await revokedBy('session-revoked', { format: 'complex', device }, {}, devices), ['phone'])
  })

  test('is of what was issued before it occurred, to the end of that second', async () => {
    const times = (somebody: Somebody, now: number) => ({
      'a second before': somebody({}, { iat: now - 31 }),
      'the same second': somebody({}, { iat: now - 30 }),
      'in the course of it': somebody({}, { iat: now - 29.1 }),
      'a second later': somebody({}, { iat: now - 29 }),
      'nobody knows when': somebody({}, { iat: 'then' }),
    })
    const now = ssfScene().seconds()
    const early = ['a second before', 'the same second', 'in the course of it', 'nobody knows when']
    assert.deepEqual(await revokedBy('session-revoked', ada, { event_timestamp: now - 30 }, times), early)
    assert.deepEqual(await revokedBy('session-revoked', ada, { event_timestamp: now - 29.5 }, times), early)
    assert.deepEqual(await revokedBy('session-revoked', ada, {}, times), [...early.slice(0, 3), 'a second later', 'nobody knows when'])
  })

  test('names a time that makes sense', async () => {
    const now = ssfScene().seconds()
    for (const wrong of [now * 1000, now + 61, 0, -1, '1', null, {}, Number.MAX_VALUE])
      assert.equal(await refusal('session-revoked', ada, { event_timestamp: wrong }), 'invalid_request', String(wrong))
    assert.deepEqual((await revokedBy('session-revoked', ada, { event_timestamp: now + 60 }, people)).length, 6)
  })
})

describe('credential-change (CAEP 3.3)', () => {
  const changed = (subject: unknown, payload: object = credential) => revokedBy('credential-change', subject, { ...payload }, people)

  test('ends what was issued to the user before, whatever changed', async () => {
    for (const change_type of ['create', 'revoke', 'update', 'delete'])
      assert.deepEqual(await changed(ada, { ...credential, change_type }), ['ada', 'another session', 'without a session'])
    assert.deepEqual(await changed({ format: 'complex', user: ada, session, device }), ['ada', 'another session', 'without a session'])
    assert.deepEqual(await changed({ format: 'opaque', id: 'ada' }), ['ada', 'another session', 'without a session'])
  })

  test('ends what a session had before, where no user is named', async () => {
    assert.deepEqual(await changed({ format: 'complex', session }), ['ada'])
  })

  test('is not about a token', async () => {
    assert.equal(await refusal('credential-change', token, credential), 'invalid_request')
    assert.equal(await refusal('credential-change', { format: 'complex', user: token }, credential), 'invalid_request')
  })
})

describe('token-claims-change (CAEP 3.2)', () => {
  const changed = (subject: unknown) => revokedBy('token-claims-change', subject, { claims: { role: 'reader' } }, people)

  test('ends the token, or what still has the older claims', async () => {
    assert.deepEqual(await changed(token), ['ada'])
    assert.deepEqual(await changed(ada), ['ada', 'another session', 'without a session'])
    assert.deepEqual(await changed(session), ['ada'])
    assert.deepEqual(await changed({ format: 'complex', session, user: ada }), ['ada', 'without a session'])
  })

  test('is not about assertions of another kind', async () => {
    assert.equal(await refusal('token-claims-change', { format: 'saml_assertion_id', issuer: transmitter, assertion_id: 'x' }), 'invalid_request')
  })
})

describe('assurance-level-change (CAEP 3.4)', () => {
  const changed = (payload: object, subject: unknown = ada) => revokedBy('assurance-level-change', subject, { ...payload }, people)

  test('that is a decrease ends what was issued before', async () => {
    assert.deepEqual(await changed(lower), ['ada', 'another session', 'without a session'])
    assert.deepEqual(await changed(lower, session), ['ada'])
    assert.deepEqual(await changed(lower, { format: 'complex', user: ada, session }), ['ada', 'without a session'])
  })

  test('that is an increase ends nothing', async () => {
    assert.deepEqual(await changed({ ...lower, change_direction: 'increase' }), [])
    assert.deepEqual(await changed({ ...lower, change_direction: 'increase' }, { format: 'unknown' }), [])
  })

  test('that does not say which is taken for a decrease', async () => {
    assert.deepEqual(await changed({ namespace: 'own', current_level: 'x' }), ['ada', 'another session', 'without a session'])
    for (const change_direction of ['Increase', 'up', '', 7, null])
      assert.equal(await refusal('assurance-level-change', ada, { ...lower, change_direction }), 'invalid_request')
  })
})

describe('device-compliance-change (CAEP 3.5)', () => {
  const devices = (somebody: Somebody, now: number) => ({
    phone: somebody(onPhone),
    'the phone, later': somebody(onPhone, { iat: now + 2 }),
    "bob's phone": somebody({ subject: 'bob', ...onPhone }),
    'the same phone elsewhere': somebody({ issuer: other, ...onPhone }),
    desk: somebody(),
    tablet: somebody({ device: { ...onPhone.device, id: 'tablet' } }),
  })
  const all = ['phone', 'the phone, later', "bob's phone"]

  test('that a device does not comply revokes it, whoever uses it and whenever that was issued', async () => {
    for (const subject of [device, { format: 'complex', device, tenant }, { format: 'complex', device, user: ada }])
      assert.deepEqual(await revokedBy('device-compliance-change', subject, unfit, devices), all)
    const named = { format: 'iss_sub', iss: transmitter, sub: phone }
    assert.deepEqual(await revokedBy('device-compliance-change', named, unfit, devices), all)
    assert.deepEqual(await revokedBy('device-compliance-change', { format: 'complex', device: named }, unfit, devices), all)
    const subjectsOf = [transmitter, other]
    assert.deepEqual(await revokedBy('device-compliance-change', device, unfit, devices, { subjectsOf }), [...all, 'the same phone elsewhere'])
  })

  test('that it complies again lets nobody in: that is for whoever runs this to say', async () => {
    const { send, revocation, somebody, told } = ssfScene()
    await send('device-compliance-change', device, unfit)
    assert.equal((await send('device-compliance-change', device, { ...unfit, current_status: 'compliant' })).status, 202)
    assert.equal(revocation.isRevoked(somebody(onPhone)), true)
    assert.deepEqual(told[1]?.revoked, [])
    await revocation.lift({ device: phone, issuer: transmitter })
    assert.equal(revocation.isRevoked(somebody(onPhone)), false)
  })

  test('names a device in a way that is known, and a status', async () => {
    for (const subject of [ada, { format: 'complex', user: ada }, { format: 'complex', device: token }, token, { format: 'opaque', id: 'laptop-7' }])
      assert.equal(await refusal('device-compliance-change', subject, unfit), 'invalid_request', JSON.stringify(subject))
    const elsewhere = { format: 'complex', device: { format: 'iss_sub', iss: other, sub: phone } }
    assert.equal(await refusal('device-compliance-change', elsewhere, unfit), 'access_denied')
    for (const current_status of ['Not-Compliant', 'unknown', '', undefined, null, false])
      assert.equal(await refusal('device-compliance-change', device, { ...unfit, current_status }), 'invalid_request')
  })

  test('is found by the name that the transmitter has for it', async () => {
    const deviceOf = async (name: string) => (name === 'laptop-7' ? [phone, 'tablet'] : name === 'tablet-1' ? 'tablet' : undefined)
    const laptop = { format: 'opaque', id: 'laptop-7' }
    assert.deepEqual(await revokedBy('device-compliance-change', laptop, unfit, devices, { deviceOf }), [...all, 'tablet'])
    assert.deepEqual(await revokedBy('device-compliance-change', { format: 'opaque', id: 'tablet-1' }, unfit, devices, { deviceOf }), ['tablet'])
    assert.equal(await refusal('device-compliance-change', device, unfit, { deviceOf }), 'invalid_request')
    assert.equal(await refusal('device-compliance-change', device, unfit, { deviceOf: () => [] }), 'invalid_request')
    for (const nonsense of [7, [''], ['x', 7], null, {}, Array(17).fill('x')]) {
      const { send } = ssfScene({ deviceOf: () => nonsense as never })
      assert.equal((await send('device-compliance-change', device, unfit)).status, 503, JSON.stringify(nonsense))
    }
  })
})

describe('a subject (RFC 9493; SSF 1.0, section 3)', () => {
  test('of another issuer is taken only where the transmitter speaks for it', async () => {
    const namesake = { format: 'iss_sub', iss: other, sub: 'ada' }
    for (const subject of [
      namesake,
      { format: 'complex', user: namesake },
      { format: 'complex', session, user: namesake },
      { ...token, iss: other },
      { ...ada, iss: `${transmitter}/` },
    ])
      assert.equal(await refusal('session-revoked', subject), 'access_denied')
    const who = (subject: unknown, subjectsOf: string[]) => revokedBy('session-revoked', subject, {}, people, { subjectsOf })
    assert.deepEqual(await who(namesake, [transmitter, other]), ['a namesake'])
    assert.deepEqual(await who(ada, [transmitter, other]), ['ada', 'another session', 'without a session'])
    assert.deepEqual(await who({ ...token, iss: other }, [other]), ['a namesake'])
    assert.deepEqual(await who(session, [other]), ['a namesake'], 'an opaque name is one of theirs')
    assert.equal(await refusal('session-revoked', ada, {}, { subjectsOf: other }), 'access_denied')
  })

  test('that hides a token of another issuer in the id of one is no token', async () => {
    const { send, revocation, somebody, issuer } = ssfScene()
    const foreign = await issuer.mint({ iss: other, jti: 'token-1' })
    assert.equal((await send('session-revoked', { ...token, jti: foreign })).status, 202)
    assert.equal(revocation.isRevoked(somebody({ issuer: other })), false)
    assert.equal(revocation.isRevoked(somebody()), false)
    assert.equal(revocation.isRevoked(somebody({ tokenId: foreign })), true)
  })

  test('that is named by an address is found by who knows it', async () => {
    const email = { format: 'email', email: 'ada@example.com' }
    assert.equal(await refusal('session-revoked', email), 'invalid_request')
    const subjectOfEmail = async (address: string) => (address === 'ada@example.com' ? 'ada' : undefined)
    for (const subject of [email, { format: 'complex', user: email }])
      assert.deepEqual(await revokedBy('session-revoked', subject, {}, people, { subjectOfEmail }), ['ada', 'another session', 'without a session'])
    const both = { format: 'complex', session, user: email }
    assert.deepEqual(await revokedBy('session-revoked', both, {}, people, { subjectOfEmail }), ['ada', 'the session, later', 'without a session'])
    assert.equal(await refusal('session-revoked', { ...email, email: 'bob@example.com' }, {}, { subjectOfEmail }), 'invalid_request')
    assert.equal(await refusal('session-revoked', { format: 'complex', session: email }, {}, { subjectOfEmail }), 'invalid_request')
    for (const nonsense of ['', 7, null, {}]) {
      const { send, failures } = ssfScene({ subjectOfEmail: () => nonsense as never })
      assert.equal((await send('session-revoked', email)).status, 503)
      assert.equal(failures.length, 1)
    }
    const { send } = ssfScene({ subjectOfEmail: () => Promise.reject(new Error('down')) })
    assert.equal((await send('session-revoked', email)).status, 503)
  })

  test('that names nothing that is known is refused and not swallowed', async () => {
    const wrong: unknown[] = [
      {},
      { format: 'phone_number', phone_number: '+12065550100' },
      { format: 'account', uri: 'acct:ada@example.com' },
      { format: 'aliases', identifiers: [ada] },
      { format: 'uri', uri: 'urn:x' },
      { format: 'did', url: 'did:x:y' },
      { format: 'ip-addresses', 'ip-addresses': ['192.0.2.1'] },
      { format: 'Opaque', id: 'ada' },
      { format: 7, id: 'ada' },
      { format: 'opaque' },
      { format: 'opaque', id: '' },
      { format: 'opaque', id: 7 },
      { format: 'opaque', id: 'x'.repeat(1_025) },
      { format: 'iss_sub', iss: transmitter },
      { format: 'iss_sub', iss: transmitter, sub: '' },
      { format: 'iss_sub', sub: 'ada' },
      { format: 'jwt_id', iss: transmitter },
      { format: 'jwt_id', jti: 'token-1' },
      { format: 'complex' },
      { format: 'complex', tenant },
      { format: 'complex', user: 'ada' },
      { format: 'complex', user: null },
      { format: 'complex', user: { format: 'complex', user: ada } },
      { format: 'complex', session: { format: 'unknown' }, user: ada },
      { format: 'complex', session, user: 'ada' },
      { format: 'complex', session, user: { format: 'phone_number', phone_number: '+1' } },
      { format: 'complex', session, user: token },
    ]
    for (const subject of wrong) assert.equal(await refusal('session-revoked', subject), 'invalid_request', JSON.stringify(subject))
  })

  test('stands in the event where it came from before SSF 1.0, and in sub_id else', async () => {
    const { token: sign, deliver, revocation, somebody } = ssfScene()
    const type = `${caep}session-revoked`
    const bob = { ...ada, sub: 'bob' }
    assert.equal((await deliver(await sign({ [type]: { subject: ada } }, { sub_id: undefined }))).status, 202)
    assert.equal(revocation.isRevoked(somebody()), true)
    assert.equal((await deliver(await sign({ [type]: { subject: { user: bob, tenant } } }, { sub_id: undefined }))).status, 202)
    assert.equal(revocation.isRevoked(somebody({ subject: 'bob', tokenId: 't' }, { sid: 's' })), true)
    const eve = { ...ada, sub: 'eve' }
    assert.equal((await deliver(await sign({ [type]: { subject: { ...ada, sub: 'mallory' } } }, { sub_id: eve }))).status, 202)
    assert.equal(revocation.isRevoked(somebody({ subject: 'eve', tokenId: 't' }, { sid: 's' })), true)
    assert.equal(revocation.isRevoked(somebody({ subject: 'mallory', tokenId: 't' }, { sid: 's' })), false)
    for (const subject of [undefined, null, 'ada', []])
      assert.equal((await deliver(await sign({ [type]: { subject } }, { sub_id: undefined }))).status, 400)
  })
})

describe('events', () => {
  test('that are not known are accepted and told, and revoke nothing', async () => {
    const { token: sign, deliver, told, revocation, somebody, seconds } = ssfScene()
    const at = seconds() - 7
    const types = ['session-established', 'session-presented', 'risk-level-change', 'Session-Revoked', 'session-revoked/', 'constructor']
    for (const type of types) {
      const subject = { format: 'phone_number', phone_number: '+12065550100' }
      assert.equal((await deliver(await sign({ [caep + type]: { event_timestamp: at } }, { sub_id: subject }))).status, 202)
      const event = told.at(-1)
      assert.deepEqual([event?.type, event?.subject, event?.occurredAt, event?.revoked], [caep + type, subject, at * 1000, []])
    }
    assert.equal((await deliver(await sign({ 'urn:x': { event_timestamp: 'then' } }, { sub_id: undefined }))).status, 202)
    assert.equal(told.at(-1)?.occurredAt, seconds() * 1000)
    assert.equal(told.at(-1)?.subject, undefined)
    assert.equal(revocation.isRevoked(somebody()), false)
  })

  test('of one token are all understood before any is carried out', async () => {
    const { token: sign, deliver, told, revocation, somebody } = ssfScene()
    const body = await sign({ [`${caep}session-revoked`]: {}, [`${caep}device-compliance-change`]: unfit })
    assert.equal((await deliver(body)).status, 400)
    assert.equal(revocation.isRevoked(somebody()), false)
    assert.equal(told.length, 0)
  })

  test('tell the application what was revoked', async () => {
    const { send, told, seconds } = ssfScene()
    await send('session-revoked', session)
    const before = (seconds() + 1) * 1000
    assert.deepEqual(told[0]?.revoked, [
      { session: 'session-1', issuer: transmitter },
      { subject: 'session-1', issuer: transmitter, issuedBefore: before },
    ])
    assert.equal(told[0]?.issuer, transmitter)
    assert.equal(told[0]?.issuedAt, seconds() * 1000)
  })

  test('are forgotten when no token can be left that was issued before, and devices never', async () => {
    const { send, revocation, somebody, clock } = ssfScene({ tokenLifetime: 3_600 })
    await send('session-revoked', ada)
    await send('session-revoked', token)
    await send('device-compliance-change', device, unfit)
    const mine = somebody()
    const onDevice = somebody({ subject: 'bob', tokenId: 't', ...onPhone }, { sid: 's' })
    clock.advance(3_600_000)
    assert.deepEqual([revocation.isRevoked(mine), revocation.isRevoked(onDevice)], [true, true])
    // To the end of the second, and two minutes for clocks that differ.
    clock.advance(121_001)
    assert.deepEqual([revocation.isRevoked(mine), revocation.isRevoked(onDevice)], [false, true])
  })
})
