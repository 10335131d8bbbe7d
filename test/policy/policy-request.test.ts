import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Codec } from '../../src/guard/codec.ts'
import type { Call, Identity } from '../../src/guard/context.ts'
import { policyRequest } from '../../src/policy/policy-request.ts'
import { testClock } from '../../src/testing/index.ts'

const identity: Identity = {
  key: '2:idada',
  subject: 'ada',
  issuer: 'id',
  kind: 'user',
  tenant: 'acme',
  roles: ['analyst'],
  scopes: ['chat'],
  claims: { department: 'sales', roles: ['admin'], tenant: 'other' },
  actors: [{ subject: 'agent', issuer: 'id' }, { subject: 'tool' }],
  assurance: { acr: 'phr', amr: ['hwk'], authenticatedAt: 1 },
  binding: 'dpop',
  expiresAt: 2,
}
const call: Call & { readonly identity: Identity } = {
  id: 'i',
  task: 'i',
  startedAt: 0,
  guard: 'g',
  action: 'chat',
  resource: { type: 'model', id: 'gpt-5', properties: { owner: 'ada' } },
  attributes: { risk: 0.1 },
  signal: new AbortController().signal,
  identity,
}
const clock = testClock(1_750_000_000_000)
const facts = { model: 'gpt-5', tools: ['search'], stream: true, maxOutputTokens: 10, choices: 1, opaque: ['/a', '/b'] }
const codec = { facts: () => facts } as unknown as Codec

describe('the question that a call puts to policy', () => {
  test('says who, what, what to and under which circumstances', () => {
    assert.deepEqual(policyRequest(call, { clock, codec, input: {} }), {
      subject: {
        type: 'user',
        id: 'ada',
        properties: {
          key: '2:idada',
          issuer: 'id',
          tenant: 'acme',
          roles: ['analyst'],
          scopes: ['chat'],
          claims: { department: 'sales', roles: ['admin'], tenant: 'other' },
          actors: [{ subject: 'agent', issuer: 'id' }, { subject: 'tool' }],
          delegated: true,
          actor: 'agent',
          acr: 'phr',
          amr: ['hwk'],
          authenticatedAt: 1,
          binding: 'dpop',
        },
      },
      action: { name: 'chat', properties: { model: 'gpt-5', tools: ['search'], stream: true, maxOutputTokens: 10, choices: 1, opaque: 2 } },
      resource: { type: 'model', id: 'gpt-5', properties: { owner: 'ada' } },
      context: { risk: 0.1, time: 1_750_000_000_000 },
    })
  })

  test('says which device was proven, and what is known of it', () => {
    const device = { id: 'thumbprint', status: 'known', posture: { compliant: true } } as const
    const { subject } = policyRequest({ ...call, identity: { ...identity, device } }, { clock, codec, input: {} })
    assert.equal(subject.properties?.device, 'thumbprint')
    assert.equal(subject.properties?.deviceStatus, 'known')
    assert.deepEqual(subject.properties?.posture, { compliant: true })
  })

  test('leaves out what is not known', () => {
    const { tenant: _, binding: __, ...others } = identity
    const bare = { ...others, actors: [], assurance: { amr: [] } }
    const request = policyRequest({ ...call, identity: bare, resource: { type: 't', id: 'i' } }, { clock, codec: undefined, input: { model: 'x' } })
    assert.deepEqual(Object.keys(request.subject.properties ?? {}).sort(), ['amr', 'claims', 'delegated', 'issuer', 'key', 'roles', 'scopes'])
    assert.deepEqual(request.action.properties, {})
    assert.deepEqual(request.resource.properties, {})
  })

  test('A12: nothing of the input becomes an attribute of the subject, the resource or the context', () => {
    const input = {
      model: 'gpt-5',
      user: 'root',
      roles: ['admin'],
      subject: { roles: ['admin'] },
      tenant: 'other',
      context: { risk: 0 },
      secure: true,
    }
    const own = { facts: (given: unknown) => ({ ...facts, ...(given as object) }) } as unknown as Codec
    const { action, ...others } = policyRequest(call, { clock, codec: own, input })
    const { action: _, ...plain } = policyRequest(call, { clock, codec, input: {} })
    assert.deepEqual(others, plain)
    assert.deepEqual(Object.keys(action.properties ?? {}).sort(), ['choices', 'maxOutputTokens', 'model', 'opaque', 'stream', 'tools'])
  })

  test('states what the transport saw beside what the application says, and lets neither override the other', () => {
    const channel = {
      secure: true,
      method: 'POST',
      tlsVersion: 'TLSv1.3',
      remoteAddress: '10.0.0.1',
      url: 'https://api.example/?token=x',
      peerCertificate: 'PEM',
    }
    const ask = (attributes: Call['attributes'], seen: Call['channel']) =>
      policyRequest({ ...call, attributes, ...(seen && { channel: seen }) }, { clock, codec, input: {} }).context
    assert.deepEqual(ask({ risk: 0.1 }, channel), {
      risk: 0.1,
      time: clock.now(),
      secure: true,
      method: 'POST',
      tlsVersion: 'TLSv1.3',
      remoteAddress: '10.0.0.1',
    })
    assert.deepEqual(ask({ secure: false }, undefined), { secure: false, time: clock.now() })
    assert.deepEqual(ask({ remoteAddress: '10.0.0.1' }, channel)?.remoteAddress, '10.0.0.1')
    assert.deepEqual(ask({ remoteAddress: '192.0.2.1' }, { secure: true }), { remoteAddress: '192.0.2.1', secure: true, time: clock.now() })
    assert.throws(() => ask({ secure: true }, { ...channel, secure: false }), { code: 'misconfigured' })
    assert.throws(() => ask({ remoteAddress: '127.0.0.1' }, channel), { code: 'misconfigured' })
  })

  test('states the time of the guard, anew each time, and takes none from anybody else', () => {
    const own = testClock(5)
    const ask = (attributes: Call['attributes'], channel?: Call['channel']) =>
      policyRequest({ ...call, attributes, ...(channel && { channel }) }, { clock: own, codec, input: {} }).context?.time
    assert.equal(ask({}), 5)
    own.advance(10)
    assert.equal(ask({}, { secure: true }), 15)
    for (const time of [15, 0, null, 'now', {}]) {
      assert.throws(() => ask({ time }), { code: 'misconfigured' })
      assert.throws(() => ask({ time }, { secure: true }), { code: 'misconfigured' })
    }
  })
})
