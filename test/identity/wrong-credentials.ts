import { createHmac } from 'node:crypto'
import type { Credentials } from '../../src/guard/context.ts'
import type { GuardErrorCode } from '../../src/guard/errors.ts'
import { type MintOptions, type TestIssuer, testIssuer } from '../../src/testing/test-issuer.ts'

/** A credential that deviates from a good one in one thing, and what it is refused with. */
export interface WrongCredential {
  readonly name: string
  readonly code: GuardErrorCode
  make(issuer: TestIssuer): Promise<Credentials>
}

const inText = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const minted = (
  name: string,
  claims: Readonly<Record<string, unknown>>,
  options: MintOptions = {},
  code: GuardErrorCode = 'identity_invalid',
): WrongCredential => ({ name, code, make: (issuer) => issuer.bearer(claims, options) })
const spelled = (name: string, spell: (token: string, issuer: TestIssuer) => string, code: GuardErrorCode = 'identity_invalid'): WrongCredential => ({
  name,
  code,
  make: async (issuer) => ({ authorization: `Bearer ${spell(await issuer.mint(), issuer)}` }),
})
const parts = (token: string): [string, string, string] => token.split('.') as [string, string, string]
const soon = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

function hmacWith(token: string, issuer: TestIssuer, secret: (jwk: object) => string): string {
  const [, payload] = parts(token)
  const head = inText({ alg: 'HS256', typ: 'at+jwt', kid: 'test-1' })
  return `${head}.${payload}.${createHmac('sha256', secret(issuer.jwks.keys[0] ?? {}))
    .update(`${head}.${payload}`)
    .digest('base64url')}`
}

// One bit more in the last character that the decoder of an easy-going library does not look at.
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? 'A') + 1]
}

/** A1: tokens and what stands around them, each wrong in one thing. */
export const wrongCredentials: readonly WrongCredential[] = [
  ...['iss', 'aud', 'exp', 'iat', 'sub', 'client_id', 'jti'].map((claim) => minted(`no ${claim}`, { [claim]: undefined })),
  ...[
    'iss',
    'aud',
    'exp',
    'iat',
    'nbf',
    'sub',
    'client_id',
    'jti',
    'acr',
    'scope',
    'roles',
    'groups',
    'tenant',
    'tid',
    'auth_time',
    'amr',
    'act',
  ].flatMap((claim) => [null, true, {}, [7], ''].map((value) => minted(`${claim} is ${JSON.stringify(value)}`, { [claim]: value }))),
  ...['exp', 'iat', 'nbf', 'auth_time'].flatMap((claim) =>
    [`${soon(100)}`, [soon(100)], 1e300].map((value) => minted(`${claim} is ${JSON.stringify(value)}`, { [claim]: value })),
  ),
  ...['iss', 'sub', 'client_id', 'jti', 'acr', 'tenant'].map((claim) => minted(`${claim} is a number`, { [claim]: 7 })),
  minted('another issuer', { iss: 'https://evil.example' }),
  minted('the issuer with a slash', { iss: 'https://issuer.example/' }),
  minted('the issuer in capitals', { iss: 'HTTPS://issuer.example' }),
  minted('a list of issuers', { iss: ['https://issuer.example'] }),
  minted('another audience', { aud: 'https://other.example' }),
  minted('an audience that begins alike', { aud: 'https://api.example.evil' }),
  minted('no audience in the list', { aud: [] }),
  minted('an audience among others that are no texts', { aud: ['https://api.example', 7] }),
  minted('expired', {}, { expiresIn: -1 }, 'identity_expired'),
  minted('expired this second', {}, { expiresIn: 0 }, 'identity_expired'),
  minted('expired long ago', { exp: -1 }, {}, 'identity_expired'),
  minted('issued in the future', { iat: soon(60) }),
  minted('not valid yet', { nbf: soon(60) }),
  minted('a subject with a lone surrogate', { sub: '\ud800' }),
  minted('a claim with a lone surrogate', { note: ['\udfff'] }),
  minted('an actor without a name', { act: { iss: 'x' } }),
  minted('a chain of actors without end', { act: Array.from({ length: 9 }).reduce((act: object) => ({ sub: 'a', act }), { sub: 'a' }) }),
  minted('bound to a key by DPoP, without a proof (A7)', { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }, {}, 'binding_invalid'),
  minted('bound to a certificate (A7)', { cnf: { 'x5t#S256': 'x' } }, {}, 'binding_invalid'),
  minted('bound to nobody knows what (A7)', { cnf: null }, {}, 'binding_invalid'),
  ...[undefined, 'JWT', 'jwt', 'at+jwt2', 'id_token+jwt', 'application/jwt', 'text/at+jwt', 7, null, ['at+jwt'], ''].map((typ) =>
    minted(`typ ${JSON.stringify(typ)}`, {}, { header: { typ } }),
  ),
  ...[undefined, 'none', 'None', '', 'HS256', 'ES384', 'RS256', 'EdDSA', 'es256', 7, null, ['ES256'], 'constructor'].map((alg) =>
    minted(`alg ${JSON.stringify(alg)}`, {}, { header: { alg } }),
  ),
  spelled(
    'alg none with the old signature',
    (token) => `${inText({ alg: 'none', typ: 'at+jwt', kid: 'test-1' })}.${parts(token)[1]}.${parts(token)[2]}`,
  ),
  minted('an unknown kid', {}, { header: { kid: 'nobody' } }),
  minted('a kid that is no text', {}, { header: { kid: 7 } }),
  minted('a kid that is null', {}, { header: { kid: null } }),
  minted('a kid that is too long', {}, { header: { kid: 'k'.repeat(257) } }),
  minted('a kid with a path', {}, { header: { kid: '../../dev/null' } }),
  minted('an unknown critical parameter', {}, { header: { crit: ['exp'], exp: 1 } }),
  minted('a critical b64', {}, { header: { crit: ['b64'], b64: true } }),
  minted('an empty crit', {}, { header: { crit: [] } }),
  minted('a crit that is null', {}, { header: { crit: null } }),
  spelled('an HMAC made with the public key, as PEM and as JSON', (token, issuer) => hmacWith(token, issuer, (jwk) => JSON.stringify(jwk))),
  spelled('an HMAC made with a coordinate of the public key', (token, issuer) => hmacWith(token, issuer, (jwk) => ('x' in jwk ? String(jwk.x) : ''))),
  spelled('an HMAC made with nothing', (token, issuer) => hmacWith(token, issuer, () => '')),
  {
    name: 'signed by another issuer with a key of the same id',
    code: 'identity_invalid',
    make: () => testIssuer().bearer(),
  },
  {
    name: 'signed by a key that came with it',
    code: 'identity_invalid',
    make: (issuer) => {
      const thief = testIssuer()
      const jwk = thief.jwks.keys[0]
      return thief.bearer(
        { iss: issuer.issuer },
        { header: { jwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example/cert', x5c: ['MIIB'] } },
      )
    },
  },
  spelled(
    'claims that were edited',
    (token) =>
      `${parts(token)[0]}.${inText({ ...JSON.parse(Buffer.from(parts(token)[1], 'base64url').toString()), roles: ['admin'] })}.${parts(token)[2]}`,
  ),
  spelled('a signature of another length', (token) => `${token}AA`),
  spelled('a signature of zeros', (token) => `${parts(token).slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`),
  spelled('no signature', (token) => `${parts(token).slice(0, 2).join('.')}.`),
  spelled('two parts', (token) => parts(token).slice(0, 2).join('.')),
  spelled('four parts', (token) => `${token}.`),
  spelled('five parts, as an encrypted one has', (token) => `${token}.a.b`),
  spelled('padding', (token) => `${token}==`),
  spelled('the unused bits of the last character set', respelled),
  spelled('the alphabet of plain base64', (token) => `${parts(token).slice(0, 2).join('.')}.${'+/'.repeat(43)}`),
  spelled('a line break inside', (token) => `${token.slice(0, 40)}\n${token.slice(40)}`),
  spelled('a space behind', (token) => `${token} `),
  spelled('a tab before', (token) => `\t${token}`),
  spelled('two spaces after the scheme', (token) => ` ${token}`),
  spelled('another field behind a comma', (token) => `${token}, Bearer ${token}`),
  spelled('a letter outside ASCII', (token) => `${token.slice(0, -1)}Ā`),
  spelled('a header that is a list', (token) => `${inText([])}.${parts(token)[1]}.${parts(token)[2]}`),
  spelled(
    'a header with a name that stands twice',
    (token) => `${inText('{"alg":"ES256","typ":"at+jwt","kid":"test-1","alg":"none"}')}.${parts(token)[1]}.${parts(token)[2]}`,
  ),
  spelled(
    'a name that stands twice, once escaped',
    (token) => `${inText('{"alg":"ES256","typ":"at+jwt","kid":"test-1","\\u0061lg":"none"}')}.${parts(token)[1]}.${parts(token)[2]}`,
  ),
  spelled(
    'a header that is not UTF-8',
    (token) => `${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${parts(token)[1]}.${parts(token)[2]}`,
  ),
  spelled('a byte order mark', (token) => `${inText(`\ufeff${Buffer.from(parts(token)[0], 'base64url')}`)}.${parts(token)[1]}.${parts(token)[2]}`),
  spelled('claims that are null', (token) => `${parts(token)[0]}.${inText('null')}.${parts(token)[2]}`),
  minted('longer than 8 KiB', { pad: 'x'.repeat(8192) }),
  spelled('a million dots', () => '.'.repeat(1_000_000)),
  spelled('a million brackets', () => `${'['.repeat(1_000_000)}.a.b`),
  spelled('nothing', () => ''),
  { name: 'an empty field', code: 'identity_invalid', make: async () => ({ authorization: '' }) },
  { name: 'a scheme alone', code: 'identity_invalid', make: async () => ({ authorization: 'Bearer' }) },
  { name: 'another scheme', code: 'identity_invalid', make: async () => ({ authorization: 'Basic dXNlcjpwYXNz' }) },
  { name: 'a token without a scheme', code: 'identity_invalid', make: async (issuer) => ({ authorization: await issuer.mint() }) },
  { name: 'a token as an API key', code: 'identity_invalid', make: async (issuer) => ({ apiKey: await issuer.mint() }) },
  { name: 'two credentials at once', code: 'identity_invalid', make: async (issuer) => ({ ...(await issuer.bearer()), apiKey: 'k'.repeat(40) }) },
  {
    name: 'two credentials at once, one of them empty',
    code: 'identity_invalid',
    make: async (issuer) => ({ ...(await issuer.bearer()), apiKey: '' }),
  },
  { name: 'a proof that nobody checks (A7)', code: 'binding_invalid', make: async (issuer) => ({ ...(await issuer.bearer()), dpop: 'a.b.c' }) },
  { name: 'the scheme of a bound token (A7)', code: 'binding_invalid', make: async (issuer) => ({ authorization: `DPoP ${await issuer.mint()}` }) },
  { name: 'a proof alone', code: 'identity_invalid', make: async () => ({ dpop: 'a.b.c' }) },
  { name: 'no credential', code: 'identity_missing', make: async () => ({}) },
]
