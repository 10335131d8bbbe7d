import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Codec } from '../../src/guard/codec.ts'
import type { Call, Identity } from '../../src/guard/context.ts'
import { policyRequest } from '../../src/policy/policy-request.ts'

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
const facts = { model: 'gpt-5', tools: ['search'], stream: true, maxOutputTokens: 10, choices: 1, opaque: ['/a', '/b'] }
const codec = { facts: () => facts } as unknown as Codec

describe('the question that a call puts to policy', () => {
  test('says who, what, what to and under which circumstances', () => {
    assert.deepEqual(policyRequest(call, { codec, input: {} }), {
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
          acr: 'phr',
          amr: ['hwk'],
          authenticatedAt: 1,
          binding: 'dpop',
        },
      },
      action: { name: 'chat', properties: { model: 'gpt-5', tools: ['search'], stream: true, maxOutputTokens: 10, choices: 1, opaque: 2 } },
      resource: { type: 'model', id: 'gpt-5', properties: { owner: 'ada' } },
      context: { risk: 0.1 },
    })
  })

  test('leaves out what is not known', () => {
    const { tenant: _, binding: __, ...others } = identity
    const bare = { ...others, actors: [], assurance: { amr: [] } }
    const request = policyRequest({ ...call, identity: bare, resource: { type: 't', id: 'i' } }, { codec: undefined, input: { model: 'x' } })
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
    const { action, ...others } = policyRequest(call, { codec: own, input })
    const { action: _, ...plain } = policyRequest(call, { codec, input: {} })
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
      policyRequest({ ...call, attributes, ...(seen && { channel: seen }) }, { codec, input: {} }).context
    assert.deepEqual(ask({ risk: 0.1 }, channel), { risk: 0.1, secure: true, method: 'POST', tlsVersion: 'TLSv1.3', remoteAddress: '10.0.0.1' })
    assert.deepEqual(ask({ secure: false }, undefined), { secure: false })
    assert.deepEqual(ask({ remoteAddress: '10.0.0.1' }, channel)?.remoteAddress, '10.0.0.1')
    assert.deepEqual(ask({ remoteAddress: '192.0.2.1' }, { secure: true }), { remoteAddress: '192.0.2.1', secure: true })
    assert.throws(() => ask({ secure: true }, { ...channel, secure: false }), { code: 'misconfigured' })
    assert.throws(() => ask({ remoteAddress: '127.0.0.1' }, channel), { code: 'misconfigured' })
  })
})
