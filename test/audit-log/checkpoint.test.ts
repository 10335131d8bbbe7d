import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openCheckpoint, parseHead, signCheckpoint } from '../../src/audit-log/checkpoint.ts'
import { signNote, verifierKey } from '../../src/audit-log/signed-note.ts'
import { seededSigner } from './signing.ts'

const signer = seededSigner(1)
const root = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64').toString('latin1')
// The text of the example of the specification.
const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

describe('a checkpoint (C2SP tlog-checkpoint)', () => {
  it('says origin, size and root', () => {
    assert.deepEqual(parseHead(text), {
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      root: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
    })
  })

  it('is what was signed', async () => {
    const key = await verifierKey('log', signer.publicKey)
    const signed = await signCheckpoint(7, root, key, signer)
    assert.deepEqual(await openCheckpoint(signed.note ?? '', key), { checkpoint: signed })
    assert.equal(signed.note?.startsWith(`log\n7\n${signed.root}\n\n— log `), true)
  })

  it('is refused for another key, another log, a changed size and a text that is none', async () => {
    const key = await verifierKey('log', signer.publicKey)
    const { note = '' } = await signCheckpoint(7, root, key, signer)
    assert.deepEqual(await openCheckpoint(note, await verifierKey('log', seededSigner(2).publicKey)), { problem: 'key_unknown' })
    assert.deepEqual(await openCheckpoint(note, await verifierKey('other', signer.publicKey)), { problem: 'key_unknown' })
    assert.deepEqual(await openCheckpoint(note.replace('\n7\n', '\n8\n'), key), { problem: 'signature_invalid' })
    assert.deepEqual(await openCheckpoint('nonsense', key), { problem: 'checkpoint_malformed' })
    const poem = await signNote('log\nno number\nno root\n', key, signer)
    assert.deepEqual(await openCheckpoint(poem, key), { problem: 'checkpoint_malformed' })
    // By the right key, but of a log of another name: two logs that share a key cannot be swapped.
    const swapped = await signNote(text, key, signer)
    assert.deepEqual(await openCheckpoint(swapped, key), { problem: 'key_unknown' })
  })

  it('has one form only', () => {
    const hash = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
    for (const wrong of [
      '',
      'log\n',
      `log\n1\n${hash}`,
      `\n1\n${hash}\n`,
      `log\n\n${hash}\n`,
      `log\n01\n${hash}\n`,
      `log\n+1\n${hash}\n`,
      `log\n-1\n${hash}\n`,
      `log\n1.0\n${hash}\n`,
      `log\n1e3\n${hash}\n`,
      `log\n0x1\n${hash}\n`,
      `log\n９\n${hash}\n`,
      `log\n9007199254740993\n${hash}\n`,
      `log\n99999999999999999999\n${hash}\n`,
      `log\n1\n${hash.slice(0, -1)}\n`,
      `log\n1\n${hash.replace('2I=', '2J=')}\n`,
      `log\n1\n${hash.slice(4)}\n`,
      `log\n1\n${hash} \n`,
    ])
      assert.equal(parseHead(wrong), undefined, JSON.stringify(wrong))
    assert.deepEqual(parseHead(`log\n0\n${hash}\nan extension\n`), { origin: 'log', size: 0, root: hash })
  })
})
