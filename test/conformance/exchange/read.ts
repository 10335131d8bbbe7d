import assert from 'node:assert/strict'
import { openCheckpoint } from '../../../src/audit-log/checkpoint.ts'
import { verifyOn } from '../../../src/audit-log/file-verify.ts'
import { isConsistent } from '../../../src/audit-log/merkle-proof.ts'
import { parseVerifierKey } from '../../../src/audit-log/signed-note.ts'
import { verifyProof } from '../../../src/audit-log/verify-proof.ts'
import { memoryReplay } from '../../../src/encryption/replay-memory.ts'
import { openRequest } from '../../../src/encryption/open-request.ts'
import { localKeys, openPolicy, policyDigest, sealer } from '../../../src/index.ts'
import { hashOfText } from '../../../src/keys/thumbprint.ts'
import { MemoryDisk } from '../../audit-log/memory-disk.ts'
import { decideAll, policy } from './fixed-policy.ts'
import { acme, keyring, large, maskAll, small, value } from './fixed-values.ts'
import { identityIn } from './write.ts'
import { base64, bytesOf, type Written, type WrittenLog, type WrittenToken, logSize, writtenAt } from './written.ts'

/** What is asked of what another runtime wrote: names, and what throws where it does not hold here. */
export const readings: readonly (readonly [name: string, read: (written: Written) => Promise<void>])[] = [
  ['decides alike on every request, and explains it alike', async ({ decisions }) => assert.deepEqual(asJson(decideAll()), decisions)],
  ['masks alike in every mode', async ({ masked }) => assert.deepEqual(await maskAll(), masked)],
  ['verifies its tokens and proofs of possession, and none that was changed', readTokens],
  ['opens what it sealed, whole and as a stream, and nothing that was changed', readSealed],
  ['opens the policy that it signed', readPolicy],
  ['verifies its log, its checkpoints and its proofs, and none that was changed', ({ log }) => readLog(log)],
]

const asJson = (given: unknown): unknown => JSON.parse(JSON.stringify(given))

async function readTokens({ tokens }: Written): Promise<void> {
  assert.equal(tokens.length, 10)
  for (const written of tokens) {
    assert.deepEqual(asJson(await identityIn(written)), written.identity, written.algorithm)
    await assert.rejects(identityIn(written, writtenAt + 301_000), { code: 'identity_expired' })
    for (const changed of changedTokens(written)) await assert.rejects(identityIn(changed), { status: 401 }, `${written.algorithm}, changed`)
  }
}

function* changedTokens(written: WrittenToken): Generator<WrittenToken> {
  const { token, proof } = written
  for (const part of [0, 1, 2]) yield { ...written, token: withOneCharacterChanged(token, part) }
  if (proof === undefined) return
  yield { ...written, proof: withOneCharacterChanged(proof, 2) }
  const { proof: _, ...unproven } = written
  yield unproven
}

// Not the last character of a part: its lowest bits may say nothing.
function withOneCharacterChanged(token: string, part: number): string {
  const parts = token.split('.')
  const text = parts[part] ?? ''
  const at = Math.floor(text.length / 2)
  return parts.with(part, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`).join('.')
}

async function readSealed({ sealed: { suites, request } }: Written): Promise<void> {
  assert.equal(suites.length, 2)
  for (const { suite, value: sealed, bytes, stream } of suites) {
    const box = sealer({ keys: keyring() })
    assert.deepEqual(await box.open(bytesOf(sealed), acme), value, suite)
    assert.deepEqual(await box.open(bytesOf(bytes), acme), small, suite)
    const pieces: number[] = []
    for await (const piece of box.openStream(piecesOf(stream), acme)) for (const byte of piece) pieces.push(byte)
    assert.deepEqual(Uint8Array.from(pieces), large, suite)
    const changed = bytesOf(sealed)
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1
    await assert.rejects(box.open(changed, acme), { code: 'decryption_failed' })
    await assert.rejects(box.open(bytesOf(sealed), { ...acme, tenant: 'other' }), { code: 'decryption_failed' })
    const cut = stream.split(' ').slice(0, -1).join(' ')
    await assert.rejects(
      async () => {
        for await (const _ of box.openStream(piecesOf(cut), acme));
      },
      { code: 'decryption_failed' },
    )
    box.close()
  }
  const expected = {
    keys: localKeys({ jwks: { keys: [request.jwk] } }),
    replay: memoryReplay(),
    ath: await hashOfText('token-1'),
    address: 'https://api.example/chat',
    maxAge: 60,
    now: writtenAt,
  }
  const body = new TextEncoder().encode(request.body)
  await assert.rejects(openRequest(body, { ...expected, ath: await hashOfText('token-2') }), { code: 'decryption_failed' })
  const { content } = await openRequest(body, expected)
  assert.deepEqual([content.mediaType, new TextDecoder().decode(content.body)], ['application/json', '{"say":"größe"}'])
  await assert.rejects(openRequest(body, expected), { code: 'replayed' })
}

async function* piecesOf(stream: string): AsyncGenerator<Uint8Array> {
  for (const piece of stream.split(' ')) yield bytesOf(piece)
}

async function readPolicy({ signedPolicy: { text, jwks } }: Written): Promise<void> {
  const opened = await openPolicy(text, { keys: jwks })
  assert.equal(await policyDigest(opened), await policyDigest(policy))
  await assert.rejects(openPolicy(withOneCharacterChanged(text, 1), { keys: jwks }))
}

async function readLog({ key, files, older, note, proofs }: WrittenLog): Promise<void> {
  const report = await verifyOn(await diskWith(files), '/log', { key, expectedSize: logSize })
  assert.deepEqual([report.ok, report.entries, report.problems.filter(({ severity }) => severity === 'error')], [true, logSize, []])
  const own = await parseVerifierKey(key)
  const [one, other] = [await openCheckpoint(older.note, own), await openCheckpoint(note, own)]
  assert.ok('checkpoint' in one && 'checkpoint' in other)
  const roots = [one.checkpoint.size, atob(one.checkpoint.root), other.checkpoint.size, atob(other.checkpoint.root)] as const
  assert.ok(await isConsistent(...roots, older.path.map(atob)))
  assert.ok(!(await isConsistent(...roots, older.path.slice(1).map(atob))))
  assert.ok(proofs.length > 0)
  for (const proof of proofs) {
    const whole = { ...proof, checkpoint: other.checkpoint }
    assert.ok(await verifyProof(whole, proof.entry, key), `entry ${proof.index}`)
    assert.ok(!(await verifyProof(whole, proofs.find(({ index }) => index !== proof.index)?.entry ?? '', key)))
  }
  assert.ok('problem' in (await openCheckpoint(note.replace(`\n${logSize}\n`, `\n${logSize - 1}\n`), own)))
  const name = Object.keys(files).find((path) => path.includes('/tile/entries/')) ?? ''
  const changed = bytesOf(files[name] ?? '')
  changed[40] = (changed[40] ?? 0) ^ 1
  const bad = await verifyOn(await diskWith({ ...files, [name]: base64(changed) }), '/log', { key })
  assert.equal(bad.ok, false)
}

async function diskWith(files: Readonly<Record<string, string>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  for (const [path, text] of Object.entries(files)) {
    await disk.makeFolder(path.slice(0, path.lastIndexOf('/')))
    const descriptor = await disk.open(path, 'w')
    await disk.write(descriptor, bytesOf(text), 0)
    await disk.close(descriptor)
  }
  return disk
}
