import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { before, describe, test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { expressGuard } from '../../src/adapters/express/index.ts'
import { honoGuard } from '../../src/adapters/hono/index.ts'
import { toNode } from '../../src/adapters/node/index.ts'
import { apiKey, type GuardErrorCode, guardHandler, jwt } from '../../src/index.ts'
import { testIssuer } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { raw } from './raw-request.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { analyst, chat, issuer, wholeGuard } from './whole-guard.ts'

type Claims = Readonly<Record<string, unknown>>

const base64url = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const now = Math.floor(Date.now() / 1000)
const right: Claims = {
  iss: issuer.issuer,
  aud: issuer.audience,
  sub: 'ada',
  client_id: 'c',
  jti: 'j',
  iat: now,
  exp: now + 300,
  roles: ['analyst'],
}
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'test-1' }
const server = served(wholeGuard())

async function refuses(token: string, code: GuardErrorCode = 'identity_invalid', what = token): Promise<void> {
  try {
    await assertRefused(await server.ask(chatRequest('hello'), { authorization: `Bearer ${token}` }), code, [
      'ada',
      'kid',
      ...(token.length > 8 ? [token] : []),
    ])
  } catch (error) {
    throw new Error(`${what}: ${String(error)}`, { cause: error })
  }
}

describe('A1: tokens', () => {
  before(async () => {
    // Or every refusal below would mean nothing.
    const answer = await server.ask(chatRequest('hello'), await analyst())
    assert.equal(answer.status, 200)
    assert.equal(server.ran.length, 1)
  })

  test('a claim that is missing, of a wrong type or of a wrong value', async () => {
    const claims: Record<string, readonly unknown[]> = {
      iss: ['https://issuer.example/', 'https://ISSUER.example', 'https://evil.example', [issuer.issuer]],
      aud: [
        'https://api.example/',
        'https://other.example',
        ['https://other.example'],
        [[issuer.audience]],
        { 0: issuer.audience },
        [issuer.audience, 5],
      ],
      sub: [['ada']],
      client_id: [['c']],
      jti: [['j']],
      iat: [now + 3_600, String(now)],
      exp: [String(now + 300), [now + 300], -1],
    }
    for (const [name, values] of Object.entries(claims)) {
      await refuses(await issuer.mint({ ...right, [name]: undefined }), 'identity_invalid', `${name} is missing`)
      for (const value of [null, '', [], {}, true, false, ...(name === 'iat' || name === 'exp' ? [] : [0, 5]), ...values]) {
        const code = name === 'exp' && value === -1 ? 'identity_expired' : 'identity_invalid'
        await refuses(await issuer.mint({ ...right, [name]: value }), code, `${name} is ${JSON.stringify(value)}`)
      }
    }
    for (const nbf of [now + 3_600, String(now), null, true, [], {}])
      await refuses(await issuer.mint({ ...right, nbf }), 'identity_invalid', `nbf is ${nbf}`)
    for (const roles of [5, null, {}, [5], [['analyst']], true]) await refuses(await issuer.mint({ ...right, roles }), 'identity_invalid', 'roles')
    await refuses(await issuer.mint({ ...right, exp: now }), 'identity_expired', 'exp is now')
    await refuses(
      await issuer.mint(right, { expiresIn: -1, header: {} }).then(() => issuer.mint({ ...right, exp: now - 1 })),
      'identity_expired',
      'expired',
    )
  })

  test('a type that is missing or another one', async () => {
    for (const typ of [undefined, null, '', 'JWT', 'jwt', 'dpop+jwt', 'id_token', 5, ['at+jwt'], 'application/jwt', 'at+jwt '])
      await refuses(await issuer.mint(right, { header: { typ } }), 'identity_invalid', `typ ${JSON.stringify(typ)}`)
  })

  test('no signature, whatever it is called', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, ['none'], 0]) {
      const input = `${base64url({ ...header, alg })}.${base64url(right)}`
      for (const signature of ['', 'AA', base64url('none')]) await refuses(`${input}.${signature}`, 'identity_invalid', `alg ${String(alg)}`)
    }
    const good = await issuer.mint(right)
    const [head = '', payload = ''] = good.split('.')
    for (const token of [`${head}.${payload}`, `${head}.${payload}.`, `${head}..${good.split('.')[2]}`, `.${payload}.`, '..', '.', good.slice(0, -1)])
      await refuses(token, 'identity_invalid', 'a part is missing')
  })

  test('a signature that was made with the public key as a secret', async () => {
    const [jwk] = issuer.jwks.keys
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const pem = key.export({ type: 'spki', format: 'pem' }).toString()
    const secrets: (string | Buffer)[] = [
      pem,
      pem.trim(),
      key.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
      JSON.stringify(key.export({ format: 'jwk' })),
      String(jwk?.x),
      Buffer.from(String(jwk?.x), 'base64url'),
      '',
    ]
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const)
      for (const secret of secrets) {
        const input = `${base64url({ ...header, alg })}.${base64url(right)}`
        await refuses(`${input}.${createHmac(hash, secret).update(input).digest('base64url')}`, 'identity_invalid', alg)
      }
  })

  test('a key that the issuer does not have, or that the token brings along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    const forge = (more: object): string => {
      const input = `${base64url({ ...header, ...more })}.${base64url(right)}`
      return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey.export({ format: 'pem', type: 'pkcs8' }), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    }
    for (const kid of [
      'test-2',
      'test-1 ',
      'TEST-1',
      '',
      '../test-1',
      '__proto__',
      'constructor',
      5,
      null,
      ['test-1'],
      { kid: 'test-1' },
      'k'.repeat(5_000),
    ])
      await refuses(forge({ kid }), 'identity_invalid', `kid ${JSON.stringify(kid)}`)
    for (const more of [{}, { kid: undefined }, { jwk }, { jku: 'https://evil.example/jwks' }, { x5u: 'https://evil.example' }, { x5c: ['AA'] }])
      await refuses(forge(more), 'identity_invalid', JSON.stringify(Object.keys(more)))
    for (const alg of ['ES384', 'EdDSA', 'RS256', 'PS256', 'ES256K', 'es256', 'HS256', 'dir', 'A256GCM'])
      await refuses(forge({ alg }), 'identity_invalid', alg)
    await refuses(await testIssuer().mint(right), 'identity_invalid', 'another issuer with the same names')
    // All zeros verified in some libraries (CVE-2022-21449).
    const input = `${base64url(header)}.${base64url(right)}`
    await refuses(`${input}.${Buffer.alloc(64).toString('base64url')}`, 'identity_invalid', 'zeros')
  })

  test('a key that was withdrawn, also by whoever stole it', async () => {
    const own = testIssuer()
    const { key, entry } = await own.mintApiKey({ subject: 'bot', roles: ['analyst'] }, { prefix: 'sp' })
    const old = own.jwks.keys[0]?.kid ?? ''
    own.rotate()
    own.retire(old)
    const door = served(wholeGuard({ identity: { verifiers: [jwt(own.options), apiKey({ keys: [entry], prefix: 'sp' })] } }))
    const ask = async (authorization: string) => door.ask(chatRequest('x'), { authorization })
    await assertRefused(await ask(`Bearer ${await own.mint(right, { key: old })}`), 'identity_invalid')
    assert.equal((await ask(`Bearer ${key}`)).status, 200)
    for (const wrong of [
      key.slice(0, -1),
      `${key}x`,
      key.toUpperCase(),
      entry.hash,
      entry.id,
      'sp_',
      'sp',
      key.replace('sp', 'SP'),
      `${key}.`,
      `${key}, ${key}`,
    ])
      await assertRefused(await ask(`Bearer ${wrong}`), 'identity_invalid', [key])
    assert.equal(door.ran.length, 1)
  })

  test('parameters that must be understood and are not', async () => {
    for (const crit of [['exp'], ['b64'], ['x'], [], 'exp', null, {}, true])
      await refuses(await issuer.mint(right, { header: { crit, b64: false, x: 1, exp: 1 } }), 'identity_invalid', `crit ${JSON.stringify(crit)}`)
  })

  test('a token that is bound to a key, without the proof', async () => {
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, { jwk: {} }, {}, null, 'x'])
      await refuses(await issuer.mint({ ...right, cnf }), 'binding_invalid', JSON.stringify(cnf))
  })

  test('a token that two readers would read differently, signed by the issuer itself', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = { keys: [{ ...(publicKey.export({ format: 'jwk' }) as object), kid: 'test-1', alg: 'ES256', kty: 'EC' }] }
    const door = served(wholeGuard({ identity: { verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys })] } }))
    const ask = (token: string) => door.ask(chatRequest('x'), { authorization: `Bearer ${token}` })
    const signed = (head: string, payload: string, pad = ''): string => {
      const input = `${base64url(head)}${pad}.${base64url(payload)}${pad}`
      return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey.export({ format: 'pem', type: 'pkcs8' }), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    }
    const [head, payload] = [JSON.stringify(header), JSON.stringify(right)]
    const good = signed(head, payload)
    assert.equal((await ask(good)).status, 200)
    const variants = [
      signed(head, payload.replace('"sub"', '"sub":"root","sub"')),
      signed(head, payload.replace('"sub"', '"s\\u0075b":"root","sub"')),
      signed(head, payload.replace('"roles"', '"act":{"sub":"a","sub":"b"},"roles"')),
      signed(head.replace('"alg"', '"alg":"none","alg"'), payload),
      signed(head, payload.replace('"roles"', '"__proto__":{"sub":"root"},"roles"')),
      signed(head, `\ufeff${payload}`),
      signed(head, payload, '='),
      signed(head, payload, '=='),
      signed(head, payload, ' '),
      signed(head, payload, '\n'),
      signed(head, `[${payload}]`),
      signed(head, JSON.stringify(payload)),
      signed(head, payload.replace('"ada"', '"ada\\ud800"')),
      signed(head, payload.replace(`"exp":${now + 300}`, '"exp":1e400')),
      signed(head, payload.replace('"roles"', `"deep":${'['.repeat(500)}${']'.repeat(500)},"roles"`)),
      ...['[]', 'null', '"x"', '5', '{', '', '{}'].map((text) => signed(head, text)),
      ...['[]', 'null', '"x"', '5', '{', '', '{}'].map((text) => signed(text, payload)),
      `${good}=`,
      `${good}.`,
      `${good}.AA`,
      ` ${good}`,
      good.replace('.', '\u2024'),
      JSON.stringify({ protected: base64url(head), payload: base64url(payload), signature: good.split('.')[2] }),
    ]
    for (const token of variants) {
      // A header field cannot hold all of them; a caller under `protect` can.
      const options = { credentials: { authorization: `Bearer ${token}` } }
      const run = wholeGuard({ identity: { verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys })] } }).protect(
        () => assert.fail('it ran'),
        chat,
      )
      await assertRejects(run(chatRequest('x'), options), 'identity_invalid', [good])
      if (/^[\t\x20-\xff]*$/.test(token)) await assertRefused(await ask(token), 'identity_invalid', [good])
    }
    // The unused bits of the last character: another spelling of the same bytes.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    await assertRefused(await ask(good.slice(0, -1) + alphabet[alphabet.indexOf(good.at(-1) ?? '') ^ 1]), 'identity_invalid')
    assert.equal(door.ran.length, 1)
  })

  test('a credential that is too long, of another scheme, empty, or one of several', async () => {
    const good = await issuer.mint(right)
    const ask = (fields: [string, string][]) => server.ask(chatRequest('hello'), new Headers(fields))
    await refuses(await issuer.mint({ ...right, padding: 'x'.repeat(10_000) }), 'identity_invalid', 'over-long')
    await refuses('e'.repeat(1_000_000), 'identity_invalid', 'a megabyte')
    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      good,
      `bearer${good}`,
      `Basic ${Buffer.from('ada:x').toString('base64')}`,
      `Token ${good}`,
      `DPoP ${good}`,
      `Bearer  ${good}`,
      `Bearer ${good} ${good}`,
      `Bearer ${good}, Bearer ${good}`,
      `Bearer ${good};x=1`,
      `Bearer "${good}"`,
      `ApiKey ${good}`,
    ])
      await assertRefused(await ask([['authorization', authorization]]), authorization.startsWith('DPoP') ? 'binding_invalid' : 'identity_invalid', [
        good,
      ])
    const bearer: [string, string] = ['authorization', `Bearer ${good}`]
    await assertRefused(await ask([bearer, bearer]), 'identity_invalid', [good])
    await assertRefused(await ask([bearer, ['x-api-key', 'sp_1234567890abcdefgh']]), 'identity_invalid', [good])
    await assertRefused(await ask([bearer, ['dpop', good]]), 'binding_invalid', [good])
    await assertRefused(await ask([['dpop', good]]), 'identity_invalid', [good])
    await assertRefused(await ask([['x-api-key', good]]), 'identity_invalid', [good])
    for (const name of ['cookie', 'proxy-authorization', 'x-authorization', 'x-forwarded-user', 'x-access-token'])
      await assertRefused(await ask([[name, `Bearer ${good}`]]), 'identity_missing', [good])
    assert.equal(server.ran.length, 1)
  })

  test('two header fields on a real connection, of which a server may show one', async (t) => {
    const base = wholeGuard()
    let ran = 0
    const answer = (): object => completion(String(++ran))
    const hono = new Hono().post('*', honoGuard(base, chat), (context) => context.json(answer()))
    const servers = [
      createServer(toNode(guardHandler(base, chat, answer))),
      createServer(toNode(hono.fetch)),
      createServer(getRequestListener(hono.fetch, { overrideGlobalObjects: false })),
      createServer(express().post('/*path', expressGuard(base, chat, answer))),
    ]
    const good = await issuer.mint(right)
    const forged = `${good.slice(0, -8)}AAAAAAAA`
    const body = JSON.stringify(chatRequest('hello'))
    for (const server of servers) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const send = (fields: readonly string[]): Promise<string> => raw(port, body, fields)
      const before = ran
      for (const fields of [
        [`authorization: Bearer ${good}`, `authorization: Bearer ${forged}`],
        [`authorization: Bearer ${forged}`, `Authorization: Bearer ${good}`],
        [`authorization: Bearer ${good}`, `AUTHORIZATION: Bearer ${good}`],
        [`authorization: Bearer ${forged}`],
        [`authorization: Bearer ${good}`, 'x-api-key: sp_1234567890abcdefgh'],
        [`authorization: Bearer ${good}`, 'dpop: x'],
      ]) {
        const answered = await send(fields)
        assert.match(answered, /^HTTP\/1\.1 401 /)
        assert.ok(!answered.includes(good) && !answered.includes('ada'))
      }
      assert.equal(ran, before)
      assert.match(await send([`authorization: Bearer ${good}`]), /^HTTP\/1\.1 200 /)
      assert.equal(ran, before + 1)
    }
  })
})
