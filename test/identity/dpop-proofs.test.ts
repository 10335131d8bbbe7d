import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { generateKeyPair, generateProof } from 'dpop'
import { reasonOf } from '../../src/guard/errors.ts'
import { DpopKeys } from '../../src/identity/dpop-keys.ts'
import { dpopSettings } from '../../src/identity/dpop-options.ts'
import { DpopProofs } from '../../src/identity/dpop-proofs.ts'
import { jwkThumbprint } from '../../src/keys/thumbprint.ts'
import { dpopKey, type DpopKeyAlgorithm } from '../../src/testing/dpop-key.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { hashOf, judge } from './dpop-judge.ts'

const server = await judge()
const parts = (proof: string): [string, string, string] => proof.split('.') as [string, string, string]
const inText = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A good one is taken, and each of the others is not: so that it is what differs that refuses. */
async function onlyTheFirst(good: object, bad: readonly object[]): Promise<void> {
  await server.accepts(await server.proof(good))
  for (const options of bad) await server.refuses(await server.proof(options))
}
const withHeader = (header: Readonly<Record<string, unknown>>): object => ({ header })
const withClaims = (claims: Readonly<Record<string, unknown>>): object => ({ claims })

describe('RFC 9449, section 4.3: a proof', () => {
  test('1: comes in one field', async () => {
    await server.accepts(await server.proof())
    const [one, other] = [await server.proof(), await server.proof()]
    for (const field of [`${one}, ${other}`, `${one},${other}`, `${one}, `, `${one} ${other}`, '', ' ', `${one}\n`, ` ${one}`])
      await server.refuses(field)
  })

  test('2: is one well-formed JWT, spelled in the one way', async () => {
    const proof = await server.proof()
    const [header, claims, signature] = parts(proof)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const respelled = proof.slice(0, -1) + alphabet[alphabet.indexOf(proof.at(-1) ?? 'A') + 1]
    for (const bad of [
      `${header}.${claims}`,
      `${header}.${claims}.`,
      `${header}..${signature}`,
      `${proof}.`,
      `.${proof}`,
      `${proof}=`,
      `${proof}==`,
      respelled,
      proof.replace('.', '..'),
      JSON.stringify({ protected: header, payload: claims, signature }),
      `${inText([])}.${claims}.${signature}`,
      `${header}.${inText('null')}.${signature}`,
      '.'.repeat(4000),
      'A'.repeat(4000),
    ])
      await server.refuses(bad)
    await server.accepts(proof)
  })

  test('2: names no claim and no member of its header or its key twice', async () => {
    const [header, claims, signature] = parts(await server.proof())
    const doubled = (part: string, name: string): string => {
      const text = Buffer.from(part, 'base64url').toString()
      return inText(text.replace(`"${name}":`, `"${name}":"x","${name}":`))
    }
    for (const name of ['alg', 'typ', 'jwk', 'x']) await server.refuses(`${doubled(header, name)}.${claims}.${signature}`)
    for (const name of ['jti', 'htm', 'htu', 'iat', 'ath']) await server.refuses(`${header}.${doubled(claims, name)}.${signature}`)
  })

  test('2: is at most 4 KiB long', async () => {
    await onlyTheFirst(withClaims({ pad: 'x'.repeat(2000) }), [withClaims({ pad: 'x'.repeat(3000) }), withClaims({ pad: 'x'.repeat(100_000) })])
  })

  for (const name of ['jti', 'htm', 'htu', 'iat', 'ath'])
    test(`3: holds the claim ${name}, of its type`, async () => {
      const seconds = Math.floor(server.clock.now() / 1000)
      const values = [undefined, null, true, {}, [], ['POST'], '', name === 'iat' ? String(seconds) : 7]
      await onlyTheFirst(
        {},
        values.map((value) => withClaims({ [name]: value })),
      )
    })

  test('4: is of the type dpop+jwt', async () => {
    await onlyTheFirst(
      {},
      [undefined, null, 'JWT', 'jwt', 'at+jwt', 'DPoP+jwt', 'application/dpop+jwt', 'dpop+jwt ', ['dpop+jwt'], 7].map((typ) => withHeader({ typ })),
    )
  })

  test('5: names an asymmetric algorithm that is allowed', async () => {
    await onlyTheFirst(
      {},
      [undefined, null, 'none', 'None', '', 'HS256', 'HS512', 'es256', 'ES384', 'ES256K', 'RS256', 'EdDSA', ['ES256'], 7, 'constructor'].map((alg) =>
        withHeader({ alg }),
      ),
    )
    const strict = await judge({ algorithms: 'ES384' })
    await strict.refuses(await strict.proof())
    const key = await dpopKey({ algorithm: 'ES384', clock: strict.clock })
    const taken = await judge({ algorithms: ['ES384'] }, strict.clock, key)
    await taken.accepts(await taken.proof())
  })

  for (const algorithm of ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as DpopKeyAlgorithm[])
    test(`6: verifies with the key that it brings along, by ${algorithm}`, async () => {
      const own = await judge({}, testClock(), await dpopKey({ algorithm }))
      const proof = await own.proof()
      const [header, claims, signature] = parts(proof)
      const { jti: _, ...rest } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
      await own.refuses(`${header}.${inText({ ...rest, jti: 'other' })}.${signature}`)
      await own.refuses(`${header}.${claims}.${parts(await own.proof())[2]}`)
      await own.refuses(`${header}.${claims}.${Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url')}`)
      await own.refuses(`${header}.${claims}.${signature}AAAA`)
      await own.accepts(proof)
    })

  test('6: Ed25519 is the same by its other name', async () => {
    const own = await judge({}, testClock(), await dpopKey({ algorithm: 'EdDSA' }))
    await own.accepts(await own.proof({ header: { alg: 'Ed25519' } }))
  })

  test('7: brings a public key along and nothing private', async () => {
    const { jwk } = server.key
    const bad = [
      undefined,
      null,
      'key',
      [],
      [jwk],
      {},
      ...['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].map((member) => ({ ...jwk, [member]: 'AAAA' })),
      { ...jwk, d: null },
      { ...jwk, use: 'enc' },
      { ...jwk, key_ops: ['sign'] },
      { ...jwk, alg: 'ES384' },
      { ...jwk, alg: null },
      { kty: 'oct', k: jwk.x },
    ]
    await onlyTheFirst(
      withHeader({ jwk: { ...jwk, alg: 'ES256', use: 'sig', key_ops: ['verify'], kid: 'mine' } }),
      bad.map((key) => withHeader({ jwk: key })),
    )
    // Nobody knew the key before, so that every one of them is read.
    for (const key of bad) {
      const fresh = await judge({}, server.clock, server.key)
      await fresh.refuses(await fresh.proof({ header: { jwk: key } }))
    }
  })

  test('8: is for the method of the request', async () => {
    await onlyTheFirst(
      { method: 'POST' },
      ['GET', 'post', 'Post', 'POST ', 'PUT', '*'].map((method) => ({ method })),
    )
    await server.accepts(await server.proof({ method: 'GET' }), { method: 'GET' })
  })

  test('9: is for the address of the request', async () => {
    await onlyTheFirst(
      { url: 'https://api.example/chat' },
      [
        'https://api.example/',
        'https://api.example/chat/',
        'https://api.example/Chat',
        'https://api.example/chat/more',
        'https://other.example/chat',
        'https://api.example.evil/chat',
        'https://api.example:8443/chat',
        'http://api.example/chat',
        'https://api.example@evil.example/chat',
        'https://user@api.example/chat',
        '//api.example/chat',
        '/chat',
        'chat',
      ].map((url) => ({ url })),
    )
  })

  test('9: query and fragment, and spellings that mean the same, make no difference', async () => {
    for (const htu of [
      'https://api.example/chat?a=b',
      'https://api.example/chat#c',
      'HTTPS://API.example:443/%63hat',
      'https://api.example/x/../chat',
    ])
      await server.accepts(await server.proof({ claims: { htu } }))
    await server.accepts(await server.proof(), { url: 'https://api.example/chat?stream=true' })
  })

  test('10: holds a good nonce where nonces are wanted', async () => {
    const strict = await judge({ nonces: true })
    const { headers } = await strict.refuses(await strict.proof())
    const nonce = headers['dpop-nonce'] ?? ''
    assert.match(nonce, /^[A-Za-z0-9_-]{43}$/)
    await strict.accepts(await strict.proof({ nonce }))
    for (const bad of [undefined, null, 7, '', [nonce], `${nonce}A`, nonce.slice(1), nonce.toLowerCase(), 'x'.repeat(43)])
      assert.deepEqual((await strict.refuses(await strict.proof({ claims: { nonce: bad } }))).headers, { 'dpop-nonce': nonce })
  })

  test('11: was made lately, and not in the future', async () => {
    const now = Math.floor(server.clock.now() / 1000)
    for (const iat of [now, now - 59, now + 5, now + 4.5, now - 59.999]) await server.accepts(await server.proof({ iat }))
    await onlyTheFirst(
      {},
      [now - 60, now - 61, now + 6, now + 5.001, now * 1000, 0, -1, 1e300, -1e300].map((iat) => ({ iat })),
    )
    const patient = await judge({ maxAge: 120, tolerance: 0 })
    await patient.accepts(await patient.proof({ iat: now - 119 }))
    await patient.refuses(await patient.proof({ iat: now + 1 }))
  })

  test('11: an expiry or a beginning that it names as well is kept (RFC 7519, sections 4.1.4 and 4.1.5)', async () => {
    const now = Math.floor(server.clock.now() / 1000)
    await onlyTheFirst(
      withClaims({ exp: now + 1, nbf: now + 5 }),
      [{ exp: now }, { exp: '9999999999' }, { exp: null }, { nbf: now + 6 }, { nbf: true }].map(withClaims),
    )
  })

  test('12: is for the token that it came with', async () => {
    await onlyTheFirst(
      { token: 'token-1' },
      ['token-2', 'TOKEN-1', ''].map((token) => ({ token })),
    )
    await server.refuses(await server.proof(), 'binding_invalid', { ath: hashOf('token-2') })
  })

  test('12: is of the key that the token is bound to, which is seen before any signature is looked at', async () => {
    const thief = await dpopKey({ clock: server.clock })
    const proof = await thief.proof({ method: 'POST', url: 'https://api.example/chat', token: 'token-1' })
    const refusal = await server.refuses(proof)
    assert.match(reasonOf(refusal), /another key/)
    const [header, claims] = parts(proof)
    assert.equal(reasonOf(await server.refuses(`${header}.${claims}.AAAA`)), reasonOf(refusal))
    // The right key named, and the wrong one used.
    await server.refuses(await thief.proof({ method: 'POST', url: 'https://api.example/chat', token: 'token-1', header: { jwk: server.key.jwk } }))
  })
})

describe('a proof', () => {
  test('with critical parameters, or with a payload that is not encoded, is refused (RFC 7515, section 4.1.11; RFC 7797)', async () => {
    await onlyTheFirst(
      withHeader({ kid: 'x', jku: 'https://evil.example/jwks', x5u: 'https://evil.example/cert', extra: {} }),
      [{ crit: ['exp'], exp: 1 }, { crit: [] }, { crit: null }, { b64: false, crit: ['b64'] }, { b64: true }, { b64: false }].map(withHeader),
    )
  })

  test('whose jti is long, or no text at all, is refused (RFC 9449, section 11.1)', async () => {
    await onlyTheFirst(
      { jti: 'j'.repeat(256) },
      ['j'.repeat(257), '\ud800'].map((jti) => ({ jti })),
    )
  })

  test('that is changed in any character is refused', async () => {
    const proof = await server.proof()
    await fc.assert(
      fc.asyncProperty(fc.nat(proof.length - 1), fc.integer({ min: 0x21, max: 0x17f }), async (at, code) => {
        fc.pre(code !== proof.charCodeAt(at))
        await server.refuses(proof.slice(0, at) + String.fromCharCode(code) + proof.slice(at + 1))
      }),
    )
    await server.accepts(proof)
  })

  test('that is cut, or runs on, is refused', async () => {
    const proof = await server.proof()
    await fc.assert(
      fc.asyncProperty(fc.nat(proof.length - 1), fc.string({ minLength: 1 }), async (end, more) => {
        await server.refuses(proof.slice(0, end))
        await server.refuses(proof + more)
        await server.refuses(more + proof)
      }),
    )
    await server.accepts(proof)
  })

  test('for a request whose method or address is not known cannot be judged, and the operator is told why', async () => {
    for (const missing of [{ url: undefined }, { method: undefined }])
      assert.match(reasonOf(await server.refuses(await server.proof(), 'misconfigured', missing)), /set `origin`/)
  })

  test("is refused for an address that no proof can be for: that is the caller's to write, and no mistake of the set-up", async () => {
    for (const url of ['https://api.example/chat/%zz', 'https://user@api.example/chat'])
      await server.refuses(await server.proof(), 'binding_invalid', { url })
  })

  test("that does not verify leaves no trace: it cannot choose the algorithm of somebody else's key", async () => {
    const keys = new DpopKeys()
    const { jwk, jkt } = await dpopKey({ algorithm: 'RS256' })
    const { alg: _, ...bare } = jwk
    await keys.load(jkt, bare as never, 'PS256')
    const key = await keys.load(jkt, bare as never, 'RS256')
    await keys.remember(jkt, 'RS256', key)
    assert.throws(() => keys.load(jkt, bare as never, 'PS256'))
  })

  test('never stands in a refusal, nor does the token', async () => {
    const proof = await server.proof({ method: 'GET' })
    const refusal = await server.refuses(proof)
    for (const part of [...parts(proof), 'token-1', server.bound.ath]) assert.ok(!reasonOf(refusal).includes(part))
  })
})

describe('other people’s proofs', () => {
  test('the example of RFC 9449, section 7.1, is taken at its time, for its address and its token', async () => {
    const proof =
      'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA'
    const bound = {
      ath: hashOf('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'),
      jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
      method: 'GET',
      url: 'https://resource.example.org/protectedresource',
    }
    const { proofs } = await judge()
    await proofs.check(proof, bound, testClock(1_562_262_618_000))
    await assert.rejects(async () => proofs.check(proof, bound, testClock(1_562_262_718_000)), { code: 'binding_invalid' })
  })

  for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519'] as const)
    test(`those of the library dpop are taken, by ${algorithm}`, async () => {
      const keys = await generateKeyPair(algorithm, { extractable: true })
      const jkt = await jwkThumbprint(await crypto.subtle.exportKey('jwk', keys.publicKey))
      const url = 'https://api.example/chat'
      const proofs = new DpopProofs(dpopSettings({ nonces: true }))
      const clock = testClock(Date.now())
      const bound = { ath: hashOf('token-1'), jkt, method: 'POST', url }
      const first: unknown = await Promise.resolve(proofs.check(await generateProof(keys, url, 'POST', undefined, 'token-1'), bound, clock)).catch(
        (error: unknown) => error,
      )
      const { headers } = first as { headers: Record<string, string> }
      await proofs.check(await generateProof(keys, url, 'POST', headers['dpop-nonce'], 'token-1'), bound, clock)
      await assert.rejects(async () => proofs.check(await generateProof(keys, url, 'GET', headers['dpop-nonce'], 'token-1'), bound, clock), {
        code: 'binding_invalid',
      })
    })

  test('a key that is weak, or that anybody can sign with, is refused', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    const good = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
    // RFC 8032: the y coordinates of points whose order divides eight, in every spelling and with either sign of x.
    const low = [
      '00',
      '01',
      'ec',
      'ed',
      'ee',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ].flatMap((hex) => {
      const y = Buffer.from(hex.length > 2 ? hex : `${hex}${(hex < '02' ? '00' : 'ff').repeat(30)}${hex < '02' ? '00' : '7f'}`, 'hex')
      return [y, Buffer.concat([y.subarray(0, 31), Buffer.of((y[31] ?? 0) | 0x80)])]
    })
    const signed = Buffer.concat([Buffer.of(1), Buffer.alloc(63)]).toString('base64url')
    const weak: [string, object][] = [
      ['RS256', small],
      ['PS256', { ...good, e: 'Aw' }],
      ...low.map((y): [string, object] => ['EdDSA', { kty: 'OKP', crv: 'Ed25519', x: y.toString('base64url') }]),
      ['ES256', { kty: 'EC', crv: 'P-256', x: server.key.jwk.x, y: server.key.jwk.x }],
      ['ES256', { kty: 'EC', crv: 'secp256k1', x: server.key.jwk.x, y: server.key.jwk.y }],
      ['EdDSA', { kty: 'OKP', crv: 'X25519', x: server.key.jwk.x }],
    ]
    for (const [alg, jwk] of weak) {
      const [header, claims] = parts(await server.proof({ header: { alg, jwk } }))
      const refusal = await server.refuses(`${header}.${claims}.${signed}`, 'binding_invalid', { jkt: await jwkThumbprint(jwk) })
      assert.match(reasonOf(refusal), /cannot be used/, JSON.stringify(jwk))
    }
  })

  test('a key that was used with one algorithm is not taken with another (RFC 8725, section 3.2)', async () => {
    const own = await judge({}, testClock(), await dpopKey({ algorithm: 'RS256' }))
    await own.accepts(await own.proof())
    assert.match(reasonOf(await own.refuses(await own.proof({ header: { alg: 'PS256' } }))), /another algorithm|cannot be used/)
  })
})
