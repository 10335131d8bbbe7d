import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { customFetch, protectedResourceRequest, WWWAuthenticateChallengeError } from 'oauth4webapi'
import { GuardError, type GuardErrorCode } from '../../src/guard/errors.ts'
import { challenge, type ChallengeOptions, Challenges } from '../../src/identity/challenge.ts'

const schemes = { Bearer: {}, DPoP: { algs: 'ES256 EdDSA' }, ApiKey: {} }
const made = (options: Partial<ChallengeOptions> = {}): Challenges => new Challenges('verifyIdentity', { schemes, ...options })
const refused = (code: GuardErrorCode, headers: Record<string, string> = {}): GuardError => new GuardError(code, { reason: 'private', headers })
const tokenCodes: readonly GuardErrorCode[] = ['identity_invalid', 'identity_expired', 'identity_revoked']

describe('a challenge', () => {
  const nobody = 'Bearer realm="bot", DPoP realm="bot", algs="ES256 EdDSA", ApiKey realm="bot"'

  test('names every scheme and no error to who brought nothing (RFC 6750, section 3.1; RFC 9110, section 11.6.1)', () => {
    assert.equal(made().answer(refused('identity_missing'), 'none', 'bot'), nobody)
    assert.equal(made().answer(refused('identity_missing'), undefined, 'bot'), nobody)
  })

  test('names no error to who tried no token', () => {
    for (const code of tokenCodes) for (const tried of ['api-key', 'other'] as const) assert.equal(made().answer(refused(code), tried, 'bot'), nobody)
  })

  test('says in the scheme that was tried that a token is wrong (RFC 6750, section 3.1)', () => {
    for (const code of [...tokenCodes, 'binding_required', 'binding_invalid', 'replayed'] as const) {
      const refusal = refused(code)
      assert.equal(
        made().answer(refusal, 'bearer', 'bot'),
        `Bearer realm="bot", error="invalid_token", error_description="${refusal.message}", DPoP realm="bot", algs="ES256 EdDSA", ApiKey realm="bot"`,
      )
    }
  })

  test('says of a DPoP token whether it or its proof is wrong (RFC 9449, section 7.1)', () => {
    const error = (code: GuardErrorCode) =>
      /^Bearer realm="bot", DPoP realm="bot", error="(\w+)",/.exec(made().answer(refused(code), 'dpop', 'bot'))?.[1]
    for (const code of [...tokenCodes, 'binding_required'] as const) assert.equal(error(code), 'invalid_token')
    for (const code of ['binding_invalid', 'replayed'] as const) assert.equal(error(code), 'invalid_dpop_proof')
    assert.equal(error('identity_missing'), undefined)
  })

  test('asks for a nonce where the refusal brings one (RFC 9449, section 9)', () => {
    assert.equal(
      made().answer(refused('binding_invalid', { 'dpop-nonce': 'n' }), 'dpop', 'bot'),
      'Bearer realm="bot", DPoP realm="bot", error="use_dpop_nonce", error_description="The proof of possession was not accepted.", algs="ES256 EdDSA", ApiKey realm="bot"',
    )
    assert.doesNotMatch(made().answer(refused('binding_invalid'), 'dpop', 'bot'), /use_dpop_nonce/)
    assert.doesNotMatch(
      made({ schemes: { Bearer: {} } }).answer(refused('binding_invalid', { 'dpop-nonce': 'n' }), 'bearer', 'bot'),
      /use_dpop_nonce/,
    )
  })

  test('tells everybody what a stronger authentication must be (RFC 9470, section 3)', () => {
    const challenges = made({ wanted: { acr_values: 'phr phrh', max_age: '300' } })
    const wanted =
      'error="insufficient_user_authentication", error_description="A stronger authentication is required.", acr_values="phr phrh", max_age="300"'
    for (const tried of ['bearer', 'api-key', 'none', undefined] as const)
      assert.ok(challenges.answer(refused('step_up_required'), tried, 'bot').startsWith(`Bearer realm="bot", ${wanted}, DPoP`))
    assert.ok(challenges.answer(refused('step_up_required'), 'dpop', 'bot').includes(`DPoP realm="bot", ${wanted}, algs=`))
    assert.doesNotMatch(challenges.answer(refused('identity_expired'), 'bearer', 'bot'), /acr_values|max_age/)
  })

  test('says where the resource describes itself, to clients that have tokens (RFC 9728, section 5.1)', () => {
    const resourceMetadata = 'https://api.example/.well-known/oauth-protected-resource/v1'
    assert.equal(
      made({ resourceMetadata, realm: 'Example API' }).answer(refused('identity_missing'), 'none', 'bot'),
      `Bearer realm="Example API", resource_metadata="${resourceMetadata}", DPoP realm="Example API", resource_metadata="${resourceMetadata}", algs="ES256 EdDSA", ApiKey realm="Example API"`,
    )
  })

  test('says what is wrong in the one scheme for tokens that there is', () => {
    const [bearer, dpop] = [made({ schemes: { Bearer: {} } }), made({ schemes: { DPoP: { algs: 'ES256' } } })]
    assert.match(bearer.answer(refused('identity_invalid'), 'dpop', 'bot'), /^Bearer realm="bot", error="invalid_token"/)
    assert.match(bearer.answer(refused('binding_invalid'), 'dpop', 'bot'), /^Bearer realm="bot", error="invalid_token"/)
    assert.match(dpop.answer(refused('binding_invalid'), 'bearer', 'bot'), /^DPoP realm="bot", error="invalid_token"/)
    assert.equal(made({ schemes: { Negotiate: {} } }).answer(refused('identity_invalid'), 'bearer', 'bot'), 'Negotiate realm="bot"')
  })

  test('is the same again, and another for another guard', () => {
    const challenges = made()
    const first = challenges.answer(refused('identity_expired'), 'bearer', 'bot')
    assert.equal(challenges.answer(refused('identity_expired'), 'bearer', 'bot'), first)
    assert.equal(challenges.answer(refused('identity_expired'), 'bearer', 'cat'), first.replaceAll('bot', 'cat'))
  })

  test('writes nothing of a caller, and nothing that is not one of its own codes and texts', () => {
    const forged = Object.assign(refused('identity_invalid'), { message: 'evil"\r\nset-cookie: a=b' })
    assert.doesNotMatch(made().answer(forged, 'bearer', 'bot'), /evil/)
    for (const code of ['constructor', '__proto__', 'evil', 'denied'])
      assert.equal(made().answer(Object.assign(refused('identity_invalid'), { code }) as GuardError, 'bearer', 'bot'), nobody)
    assert.doesNotMatch(made().answer(refused('binding_invalid', { 'dpop-nonce': 'evil' }), 'dpop', 'bot'), /evil/)
  })

  test('cannot be broken out of by a name', () => {
    assert.equal(challenge('Bearer', 'a"b\\c\r\nx: y\u0000é', { error: 'a", x="b' }), 'Bearer realm="abcx: y", error="a, x=b"')
    assert.equal(made({ schemes: { Bearer: {} } }).answer(refused('identity_missing'), 'none', '日本'), 'Bearer realm=""')
    assert.equal(challenge('DPoP', undefined), 'DPoP')
  })
})

test('what was configured wrongly is refused when it is made', () => {
  const wrong: readonly Partial<ChallengeOptions>[] = [
    { realm: '' },
    { realm: 'a"b' },
    { realm: 'a\\b' },
    { realm: 'a\nb' },
    { realm: 'é' },
    { realm: 7 as never },
    { resourceMetadata: 'http://api.example/x' },
    { resourceMetadata: 'https://api.example/"' },
    { resourceMetadata: 'https://api.example/?a=\\' },
    { resourceMetadata: 'https://api.example/a b' },
    { resourceMetadata: 'https://user:secret@api.example/' },
    { resourceMetadata: '//api.example/' },
    { resourceMetadata: '' },
    { schemes: { 'a b': {} } },
    { schemes: { '': {} } },
    { schemes: { 'Bearer,': {} } },
    { schemes: { DPoP: { algs: 'ES256"' } } },
    { schemes: { DPoP: { algs: '' } } },
    { schemes: { DPoP: { 'al gs': 'ES256' } } },
    { schemes: { DPoP: { algs: ['ES256'] as never } } },
    { wanted: { acr_values: 'a"b' } },
    { wanted: { max_age: 300 as never } },
  ]
  for (const options of wrong) assert.throws(() => made(options), /^TypeError: verifyIdentity: /, JSON.stringify(options))
  assert.doesNotThrow(() => made({ schemes: {} }))
})

test('a real client reads it', async () => {
  const header = made({ wanted: { acr_values: 'phr', max_age: '60' }, resourceMetadata: 'https://api.example/m' }).answer(
    refused('step_up_required'),
    'dpop',
    'bot',
  )
  const answer = async (): Promise<Response> => new Response(null, { status: 401, headers: { 'www-authenticate': header } })
  const failure: unknown = await protectedResourceRequest('token', 'GET', new URL('https://api.example/'), new Headers(), null, {
    [customFetch]: answer,
  }).catch((error: unknown) => error)
  assert.ok(failure instanceof WWWAuthenticateChallengeError)
  assert.deepEqual(
    failure.cause.map(({ scheme, parameters }) => [scheme, { ...parameters }]),
    [
      ['bearer', { realm: 'bot', resource_metadata: 'https://api.example/m' }],
      [
        'dpop',
        {
          realm: 'bot',
          error: 'insufficient_user_authentication',
          error_description: 'A stronger authentication is required.',
          acr_values: 'phr',
          max_age: '60',
          resource_metadata: 'https://api.example/m',
          algs: 'ES256 EdDSA',
        },
      ],
      ['apikey', { realm: 'bot' }],
    ],
  )
})
