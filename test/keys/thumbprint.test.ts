import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { jwkThumbprint } from '../../src/keys/thumbprint.ts'

const rsa = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
}
const edwards = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
const elliptic = {
  kty: 'EC',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
  crv: 'P-256',
}

describe('the thumbprint of a JWK', () => {
  test('is that of RFC 7638, section 3.1, of RFC 8037, appendix A.3, and of RFC 9449, section 6.1', async () => {
    assert.equal(await jwkThumbprint({ ...rsa, alg: 'RS256', kid: '2011-04-29' }), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
    assert.equal(await jwkThumbprint(edwards), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
    assert.equal(await jwkThumbprint(elliptic), '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
  })

  test('is at once where the runtime hashes at once', () => {
    assert.equal(typeof jwkThumbprint(edwards), 'string')
  })

  test('does not depend on the order of the members, nor on what else is there, as in another library', async () => {
    for (const algorithm of ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256']) {
      const jwk = await exportJWK((await generateKeyPair(algorithm, { extractable: true })).privateKey)
      const print = await calculateJwkThumbprint(jwk)
      assert.equal(await jwkThumbprint(jwk), print)
      assert.equal(await jwkThumbprint(Object.fromEntries(Object.entries({ ...jwk, kid: 'k', use: 'sig', key_ops: [] }).reverse())), print)
    }
    assert.equal(await jwkThumbprint({ kty: 'oct', k: 'AAAA' }), await calculateJwkThumbprint({ kty: 'oct', k: 'AAAA' }))
  })

  test('changes with every member that makes the key', async () => {
    for (const jwk of [rsa, edwards, elliptic])
      for (const name of Object.keys(jwk).filter((member) => member !== 'kty'))
        assert.notEqual(await jwkThumbprint({ ...jwk, [name]: 'AAAA' }), await jwkThumbprint(jwk))
  })

  test('is refused for kinds of keys that are not known and for members that are missing or no text', () => {
    const inherited: object = Object.create(edwards)
    for (const jwk of [
      {},
      { kty: 'EXT' },
      { kty: 'constructor' },
      { kty: 7 },
      { ...elliptic, y: undefined },
      { ...elliptic, y: 7 },
      { kty: 'RSA' },
      inherited,
    ])
      assert.throws(() => jwkThumbprint(jwk), TypeError)
  })
})
