import { generateKeyPair, exportJWK, type JWK } from 'jose'
import type { Signer } from '../../../src/audit-log/audit-log.ts'
import { openLog } from '../../../src/audit-log/file-log.ts'
import { consistencyPath } from '../../../src/audit-log/merkle-proof.ts'
import { leafHash, nodeHash } from '../../../src/audit-log/merkle-tree.ts'
import { entryText } from '../../../src/audit-log/record.ts'
import type { Hash } from '../../../src/audit-log/sha256.ts'
import { jwt, sealer, sealRequest, signPolicy } from '../../../src/index.ts'
import { dpopKey, type TestAlgorithm, testClock, testIssuer } from '../../../src/testing/index.ts'
import { MemoryDisk } from '../../audit-log/memory-disk.ts'
import { sampleRecord } from '../../audit-log/records.ts'
import { decideAll, policy } from './fixed-policy.ts'
import { acme, keyring, large, maskAll, small, value } from './fixed-values.ts'
import { base64, type Written, type WrittenLog, type WrittenSealed, type WrittenToken, logSize, writtenAt } from './written.ts'

/** Writes one of everything, here. */
export async function write(): Promise<Written> {
  const tokens: WrittenToken[] = []
  for (const algorithm of ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const)
    tokens.push(await writeToken(algorithm, false), await writeToken(algorithm, true))
  return {
    decisions: decideAll(),
    tokens,
    masked: await maskAll(),
    sealed: await writeSealed(),
    signedPolicy: await writePolicy(),
    log: await writeLog(),
  }
}

async function writeToken(algorithm: TestAlgorithm, isBound: boolean): Promise<WrittenToken> {
  const clock = testClock(writtenAt)
  const issuer = testIssuer({ algorithm, clock })
  const key = await dpopKey({ algorithm, clock })
  const claims = {
    sub: 'ada@größe',
    scope: 'read write',
    roles: ['analyst'],
    tenant: 'acme',
    jti: 'token-1',
    ...(isBound && { cnf: { jkt: key.jkt } }),
  }
  const token = await issuer.mint(claims)
  const proof = isBound ? await key.proof({ method: 'POST', url: 'https://api.example/chat', token, jti: `proof-${algorithm}` }) : undefined
  const written = { algorithm, jwks: issuer.jwks, token, ...(proof !== undefined && { proof }) }
  return { ...written, identity: await identityIn(written) }
}

/** Who a token says it is, where it holds. */
export async function identityIn({ algorithm, jwks, token, proof }: Omit<WrittenToken, 'identity'>, now: number = writtenAt): Promise<object> {
  const verifier = jwt({
    issuer: 'https://issuer.example',
    audience: 'https://api.example',
    keys: jwks,
    algorithms: [algorithm],
    clock: testClock(now),
    ...(proof !== undefined && { dpop: { algorithms: [algorithm] } }),
  })
  const authorization = `${proof === undefined ? 'Bearer' : 'DPoP'} ${token}`
  const channel = { secure: true, method: 'POST', url: 'https://api.example/chat' }
  return verifier.verify({ authorization, ...(proof !== undefined && { dpop: proof }) }, channel)
}

async function writeSealed(): Promise<WrittenSealed> {
  const suites: { suite: string; value: string; bytes: string; stream: string }[] = []
  for (const suite of ['aes-256-gcm', 'xchacha20-poly1305'] as const) {
    const box = sealer({ keys: keyring(), suite })
    const pieces: Uint8Array[] = []
    for await (const piece of box.sealStream(inPieces(large), acme)) pieces.push(piece)
    suites.push({
      suite,
      value: base64(await box.seal(value, acme)),
      bytes: base64(await box.seal(small, acme)),
      stream: pieces.map(base64).join(' '),
    })
    box.close()
  }
  const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true })
  const jwk: JWK = { ...(await exportJWK(pair.privateKey)), kid: 'wire-1', alg: 'ECDH-ES+A256KW' }
  const { d: _, ...publicKey } = jwk
  const { body } = await sealRequest('{"say":"größe"}', {
    publicKey,
    credential: 'token-1',
    url: 'https://api.example/chat?x=1',
    clock: testClock(writtenAt),
  })
  return { suites, request: { jwk, body } }
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7_001) yield bytes.subarray(at, at + 7_001)
}

async function writePolicy(): Promise<Written['signedPolicy']> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const named = { kid: 'policy-1', alg: 'ES256' }
  const key: JWK = { ...(await exportJWK(pair.privateKey)), ...named }
  const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), ...named }] }
  return { text: await signPolicy(policy, { key, clock: testClock(writtenAt) }), jwks }
}

async function writeLog(): Promise<WrittenLog> {
  const disk = new MemoryDisk()
  const clock = testClock(writtenAt)
  const log = await openLog('/log', { signer: await webSigner(), origin: 'exchange', clock, checkpointEvery: { seconds: 3_600 } }, disk)
  const records = Array.from({ length: logSize }, (_, number) => ({ ...sampleRecord(number), reason: `ö ${number} \u2028 𝕏` }))
  for (const record of records.slice(0, 100)) await log.append(record)
  const older = await log.checkpoint()
  for (const record of records.slice(100)) await log.append(record)
  const newer = await log.checkpoint()
  const proofs = await Promise.all([0, 99, 100, 255, 256, logSize - 1].map((index) => log.prove(index)))
  await log.close()
  const entries = records.map((record) => entryText(record))
  const read = await readerOf(entries)
  return {
    key: log.key,
    files: Object.fromEntries([...disk.files].filter(([path]) => !/\/lock-\d+$/.test(path)).map(([path, data]) => [path, base64(data)])),
    older: { note: older.note ?? '', path: (await consistencyPath(read, older.size, newer.size)).map((hash) => btoa(hash)) },
    note: newer.note ?? '',
    proofs: proofs.map(({ index, hash, path }) => ({ index, hash, path, entry: entries[index] ?? '' })),
  }
}

// By WebCrypto, which every runtime has.
async function webSigner(): Promise<Signer> {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
  return { publicKey, sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, Uint8Array.from(message))) }
}

async function readerOf(entries: readonly string[]): Promise<(height: number, index: number) => Promise<Hash>> {
  const leaves = await Promise.all(entries.map(async (text) => leafHash(new TextEncoder().encode(text))))
  const read = async (height: number, index: number): Promise<Hash> =>
    height === 0 ? (leaves[index] ?? '') : nodeHash(await read(height - 1, index * 2), await read(height - 1, index * 2 + 1))
  return read
}
