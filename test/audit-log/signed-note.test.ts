import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Signer } from '../../src/audit-log/audit-log.ts'
import { formatVerifierKey, isKeyName, openNote, parseVerifierKey, signNote, unverifiedText, verifierKey } from '../../src/audit-log/signed-note.ts'
import { seededSigner } from './signing.ts'

// The example of the Go implementation that C2SP's signed-note comes from.
const peter = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const peterSeed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const line = '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const note = `${text}\n${line}`
// The same implementation's second key, and the example of the specification's own page of test keys.
const enoch = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const example = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const exampleNote =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

describe('a signed note (C2SP signed-note)', () => {
  it('is made and opened as in the published examples', async () => {
    const key = await parseVerifierKey(peter)
    assert.equal(await signNote(text, key, seededSigner(peterSeed)), note)
    assert.deepEqual(await openNote(note, key), { text })
    assert.deepEqual(await openNote(exampleNote, await parseVerifierKey(example)), { text: 'This is an example message.\n' })
    assert.equal(unverifiedText(note), text)
  })

  it('keeps empty lines of its text', async () => {
    const key = await parseVerifierKey(peter)
    const poem = 'one\n\n\ntwo\n\n'
    assert.deepEqual(await openNote(await signNote(poem, key, seededSigner(peterSeed)), key), { text: poem })
  })

  it('opens among signatures of others, in any order, and ignores those', async () => {
    const key = await parseVerifierKey(peter)

    const cosigned = '— witness.example/w1 jWbPPwAAAABkGFDL\n'
    assert.deepEqual(await openNote(`${text}\n${cosigned}${line}`, key), { text })
    assert.deepEqual(await openNote(`${text}\n${line}${cosigned}`, key), { text })
    // The same name with another id, and the same id with another name, are other keys.
    const otherId = `— PeterNeumann ${Buffer.concat([Buffer.of(1, 2, 3, 4), Buffer.alloc(64)]).toString('base64')}\n`
    assert.deepEqual(await openNote(`${text}\n${otherId}${line}`, key), { text })
    assert.deepEqual(await openNote(`${text}\n${otherId}`, key), { refused: 'unknown' })
    assert.deepEqual(await openNote(`${text}\n${line.replace('PeterNeumann', 'PeterNewman')}`, key), { refused: 'unknown' })
    assert.deepEqual(await openNote(note, await parseVerifierKey(enoch)), { refused: 'unknown' })
  })

  it('is refused when any byte of it is another', async () => {
    const key = await parseVerifierKey(peter)
    const bytes = Buffer.from(note)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.ok('refused' in (await openNote(changed.toString(), key)), `byte ${at}`)
    }
  })

  it('is refused when a signature that says it is by the key is not, also beside a good one', async () => {
    const key = await parseVerifierKey(peter)
    const forged = `— PeterNeumann ${Buffer.concat([Buffer.from('c74f20a3', 'hex'), Buffer.alloc(64, 1)]).toString('base64')}\n`
    assert.deepEqual(await openNote(`${text}\n${forged}`, key), { refused: 'invalid' })
    assert.deepEqual(await openNote(`${text}\n${line}${forged}`, key), { refused: 'invalid' })
    const short = `— PeterNeumann ${Buffer.concat([Buffer.from('c74f20a3', 'hex'), Buffer.alloc(63, 1)]).toString('base64')}\n`
    assert.deepEqual(await openNote(`${text}\n${short}`, key), { refused: 'invalid' })
  })

  it('is refused in any other form', async () => {
    const key = await parseVerifierKey(peter)
    for (const malformed of [
      '',
      text,
      `${text}\n`,
      note.slice(0, -1),
      note.replace('\n\n', '\n'),
      `${text}\n${line}\n`,
      `${text}\n${line.replace('—', '-')}`,
      `${text}\n${line.replace('— ', '—')}`,
      `${text}\n${line.replace(' x08g', '  x08g')}`,
      `${text}\n${line.replace('AM=', 'AN=')}`,
      `${text}\n${line.replace('AM=', 'AM')}`,
      `${text}\n— PeterNeumann AQID\n`,
      `${text.replace('\n', '\r\n')}\n${line}`,
      `\u0000${note}`,
      `\ud800${note}`,
      `${text}\n${line.repeat(65)}`,
      `${'x'.repeat(70_000)}\n\n${line}`,
    ])
      assert.deepEqual(await openNote(malformed, key), { refused: 'malformed' }, JSON.stringify(malformed.slice(0, 200)))
  })

  it('is not made by a signer that shows another key than it uses, or gives no signature', async () => {
    const key = await parseVerifierKey(peter)
    await assert.rejects(signNote(text, key, seededSigner(1)), TypeError)
    const short: Signer = { publicKey: key.publicKey, sign: () => new Uint8Array(63) }
    await assert.rejects(signNote(text, key, short), TypeError)
  })
})

describe('a verifier key', () => {
  it('is read and written as text', async () => {
    for (const known of [peter, enoch, example]) assert.equal(formatVerifierKey(await parseVerifierKey(known)), known)
    assert.equal(formatVerifierKey(await parseVerifierKey(` ${peter}\n`)), peter)
    const { name, publicKey } = await parseVerifierKey(peter)
    assert.deepEqual(publicKey, seededSigner(peterSeed).publicKey)
    assert.equal(formatVerifierKey(await verifierKey(name, publicKey)), peter)
  })

  it('is refused when any part of it is missing or another', async () => {
    for (let at = 0; at < peter.length; at++) {
      await assert.rejects(parseVerifierKey(peter.slice(0, at)), TypeError)
      if (at > 0) await assert.rejects(parseVerifierKey(peter.slice(at)), TypeError)
      const changed = peter.slice(0, at) + String.fromCharCode(peter.charCodeAt(at) + 1) + peter.slice(at + 1)
      await assert.rejects(parseVerifierKey(changed), TypeError, changed)
    }
    // A timestamped cosignature's key (type 4) is none that signs a checkpoint of ours.
    await assert.rejects(parseVerifierKey('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'), TypeError)
  })

  it('has a name without spaces, plus signs and control characters', async () => {
    const { publicKey } = seededSigner(1)
    for (const name of ['', 'a b', 'a+b', 'a\tb', 'a\nb', 'a\u2003b', 'a\u00a0b', 'a\u0000', '\ud800', 'x'.repeat(257)]) {
      assert.equal(isKeyName(name), false)
      await assert.rejects(verifierKey(name, publicKey), TypeError)
    }
    for (const name of ['a', 'example.com/log', 'łódź', 'support-bot.eu-1']) assert.equal(isKeyName(name), true)
  })

  it('is no point of low order and no other spelling of a point', async () => {
    // Every encoding of the eight points whose order divides eight (y below 2^255, both signs), and points that are not reduced.
    const weak = [
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000080',
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000080',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    ]
    for (const hex of weak) await assert.rejects(verifierKey('log', Buffer.from(hex, 'hex')), TypeError, hex)
    await assert.rejects(verifierKey('log', new Uint8Array(31).fill(2)), TypeError)
    await assert.rejects(verifierKey('log', new Uint8Array(33).fill(2)), TypeError)
  })
})
