// What verifying a caller costs in CPU time, beside its peers, interleaved in one process. Build first: it measures `dist`.
import { createPublicKey, verify as verifyNatively } from 'node:crypto'
import { cpus } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { JwtVerifier } from 'aws-jwt-verify'
import { createVerifier } from 'fast-jwt'
import { calculateJwkThumbprint, createLocalJWKSet, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import { jwt } from '../../../dist/index.js'
import { dpopKey, testIssuer } from '../../../dist/testing/index.js'
import { tell } from '../report/figure.ts'

const rounds = Number(process.env.ROUNDS ?? 15)
const calls = Number(process.env.CALLS ?? 1_000)

const issuer = testIssuer({ algorithm: 'ES256' })
const [key] = issuer.jwks.keys
if (key === undefined) throw new Error('the issuer has no key')
const claims = { sub: 'ada', roles: ['analyst', 'reader'], scope: 'chat:read chat:write', tenant: 'acme', acr: 'phr', amr: ['hwk', 'pin'] }
const token = await issuer.mint(claims)
const text = await Promise.all(Array.from({ length: calls }, () => issuer.mint(claims)))
const [header = '', payload = ''] = token.split('.')
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decoded = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
const unknownIssuer = `${header}.${encode({ ...decoded, iss: 'https://other.example' })}.${token.split('.')[2]}`
const wrongAlgorithm = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${payload}.${token.split('.')[2]}`

const keys = createLocalJWKSet({ keys: [...issuer.jwks.keys] as JWK[] })
const expected = { issuer: issuer.issuer, audience: issuer.audience, typ: 'at+jwt', algorithms: ['ES256'] }
const native = createPublicKey({ key: key as never, format: 'jwk' })
const pem = native.export({ format: 'pem', type: 'spki' }).toString()
const fast = { key: pem, algorithms: ['ES256' as const], allowedIss: issuer.issuer, allowedAud: issuer.audience }
const cachedFast = createVerifier({ ...fast, cache: 10_000 })
const plainFast = createVerifier(fast)
const aws = JwtVerifier.create({ issuer: issuer.issuer, audience: issuer.audience, jwksUri: 'https://issuer.example/jwks' })
aws.cacheJwks({ keys: issuer.jwks.keys as never })

const cached = jwt({ ...issuer.options, algorithms: 'ES256' })
const uncached = jwt({ ...issuer.options, algorithms: 'ES256', maxCached: 0 })
const authorization = `Bearer ${token}`
await cached.verify({ authorization })

const client = await dpopKey()
const boundToken = await issuer.mint({ ...claims, cnf: { jkt: client.jkt } })
const request = { method: 'POST', url: 'https://api.example/v1/chat' }
const channel = { secure: true, ...request }
const proofs: string[] = []
let used = 0

/** The same twelve checks with jose: token, proof, thumbprint, hash of the token. Without nonces or a memory of proofs. */
async function dpopByJose(proof: string): Promise<void> {
  const { payload: access } = await jwtVerify(boundToken, keys, expected)
  const { payload: proven, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', maxTokenAge: 60 })
  const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
  const hash = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(boundToken))).toString('base64url')
  const isBound = (access.cnf as { jkt: string }).jkt === thumbprint && proven.ath === hash
  if (!isBound || proven.htm !== 'POST' || proven.htu !== request.url) throw new Error('not proven')
}

const refused = async (run: () => unknown): Promise<void> => {
  try {
    await run()
  } catch {
    return
  }
  throw new Error('it was not refused')
}
const rotating = (verify: (own: string) => unknown): (() => unknown) => {
  let next = 0
  return () => verify(text[next++ % text.length] ?? token)
}

const subjects: Record<string, () => unknown> = {
  'sallyport, cached token': () => cached.verify({ authorization }),
  'fast-jwt, cached token': () => cachedFast(token),
  'sallyport, token seen first': rotating((own) => uncached.verify({ authorization: `Bearer ${own}` })),
  'jose jwtVerify': rotating((own) => jwtVerify(own, keys, expected)),
  'fast-jwt without a cache': rotating((own) => plainFast(own)),
  'aws-jwt-verify': rotating((own) => aws.verify(own)),
  'node:crypto verify alone': rotating((own) => {
    const end = own.lastIndexOf('.')
    const signature = Buffer.from(own.slice(end + 1), 'base64url')
    return verifyNatively('sha256', Buffer.from(own.slice(0, end)), { key: native, dsaEncoding: 'ieee-p1363' }, signature)
  }),
  'sallyport, malformed': () => refused(() => cached.verify({ authorization: `${authorization}=` })),
  'sallyport, unknown issuer': () => refused(() => cached.verify({ authorization: `Bearer ${unknownIssuer}` })),
  'sallyport, wrong algorithm': () => refused(() => cached.verify({ authorization: `Bearer ${wrongAlgorithm}` })),
  'jose, malformed': () => refused(() => jwtVerify(`${token}=`, keys, expected)),
  'jose, unknown issuer': () => refused(() => jwtVerify(unknownIssuer, keys, expected)),
  'jose, wrong algorithm': () => refused(() => jwtVerify(wrongAlgorithm, keys, expected)),
  'sallyport, DPoP with a known key': () =>
    cached.verify({ authorization: `DPoP ${boundToken}`, dpop: proofs[used++ % proofs.length] ?? '' }, channel),
  'jose, DPoP': () => dpopByJose(proofs[used++ % proofs.length] ?? ''),
}

// CPU of all threads, in microseconds a call.
async function measure(subject: () => unknown, count: number): Promise<number> {
  const before = process.cpuUsage()
  for (let done = 0; done < count; done++) await subject()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const figures = new Map<string, number[]>(Object.keys(subjects).map((name) => [name, []]))
for (let round = -1; round < rounds; round++)
  for (const [name, subject] of Object.entries(subjects)) {
    if (name.includes('DPoP')) {
      proofs.length = 0
      used = 0
      for (let made = 0; made < calls / 2; made++) proofs.push(await client.proof({ ...request, token: boundToken }))
    }
    const count = name.includes('DPoP') ? calls / 2 : name.includes('cached') || name.includes('alform') ? calls * 20 : calls
    const cost = await measure(subject, count)
    if (round >= 0) figures.get(name)?.push(cost)
  }

const quantile = (list: readonly number[], part: number): number =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN
const median = (name: string): number => quantile(figures.get(name) ?? [], 0.5)
const us = (value: number): string => value.toFixed(2).padStart(9)

console.log(`\nidentity: CPU microseconds a verification of an ES256 token of ${token.length} characters`)
console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}, ${rounds} rounds of ${calls} and more, interleaved\n`)
console.log('                                        median       min       max')
for (const [name, list] of figures) console.log(`${name.padEnd(36)}${us(median(name))} ${us(quantile(list, 0))} ${us(quantile(list, 1))}`)
const asked: Readonly<Record<string, { asked: number; askedOf?: string }>> = {
  'sallyport, cached token': { asked: 3 },
  'sallyport, token seen first': { asked: 1.1, askedOf: 'jose jwtVerify' },
  'sallyport, malformed': { asked: 5 },
  'sallyport, unknown issuer': { asked: 5 },
  'sallyport, wrong algorithm': { asked: 5 },
  'sallyport, DPoP with a known key': { asked: 0.45, askedOf: 'jose, DPoP' },
}
const tableOf = (name: string): string =>
  name.includes('DPoP')
    ? 'a proof of possession'
    : name.includes('cached token')
      ? 'a token that was seen before'
      : /malformed|unknown|wrong/.test(name)
        ? 'refusing what is no token'
        : 'a token seen first'
for (const [subject, values] of figures)
  tell({
    bench: 'identity',
    table: tableOf(subject),
    subject,
    unit: 'µs a token',
    values,
    peer: !subject.startsWith('sallyport'),
    ...asked[subject],
  })
const ratio = (one: string, other: string): string => (median(one) / median(other)).toFixed(2)
console.log(`\ncached token: ${ratio('sallyport, cached token', 'fast-jwt, cached token')} of fast-jwt's`)
console.log(`token seen first: ${ratio('sallyport, token seen first', 'jose jwtVerify')} of jose's`)
console.log(`DPoP with a known key: ${ratio('sallyport, DPoP with a known key', 'jose, DPoP')} of jose's`)

// A flood of tokens that are well formed and not signed: how much of them stays.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const flood = Number(process.env.FLOOD ?? 1_000_000)
const signature = Buffer.alloc(64, 7).toString('base64url')
collect()
const before = process.memoryUsage().heapUsed
const tail = encode(decoded)
for (let made = 0; made < flood; made++) {
  const isSigned = made % 100 === 0
  // Every hundredth comes as far as the signature; the others fall by their header, their issuer or their form.
  const head = isSigned ? header : encode({ alg: 'ES256', typ: 'at+jwt', kid: `made-up-${made}` })
  const body = isSigned ? encode({ ...decoded, jti: `j${made}` }) : tail
  await refused(() => cached.verify({ authorization: `Bearer ${head}.${body}.${signature}` }))
}
collect()
const left = (process.memoryUsage().heapUsed - before) / 1e6
tell({
  bench: 'identity',
  table: `heap left by a flood of ${flood.toLocaleString('en')} bad tokens`,
  subject: 'sallyport',
  unit: 'MB',
  values: [Math.max(0, left)],
  asked: 10,
})
console.log(`\na flood of ${flood.toLocaleString('en')} distinct bad tokens left ${left.toFixed(1)} MB of heap\n`)
