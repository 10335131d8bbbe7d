import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fingerprints } from '../../src/limits/fingerprint.ts'

function of(fingerprints: Fingerprints, text: string): string {
  fingerprints.take(text)
  return `${fingerprints.low} ${fingerprints.high}`
}

test('texts have fingerprints of their own, under each secret others', () => {
  const fingerprints = new Fingerprints()
  const seen = new Set<string>()
  const texts = Array.from({ length: 50_000 }, (_, index) => `caller ${index}`)
  for (const text of texts) seen.add(of(fingerprints, text))
  assert.equal(seen.size, texts.length)
  assert.equal(of(fingerprints, 'caller 7'), of(fingerprints, 'caller 7'))
  assert.notEqual(of(fingerprints, 'caller 7'), of(new Fingerprints(), 'caller 7'))
})

test('no character and no length is overlooked', () => {
  const fingerprints = new Fingerprints()
  const texts = ['', '\0', '\0\0', '\0\0\0', 'a', 'b', 'ab', 'ba', 'abc', 'abd', 'acb', 'a\0', '\0a', 'ā', 'š', '\ud83d', '\ude00', '\ud83d\ude00']
  for (let index = 0; index < 512; index++) texts.push(`${'x'.repeat(index)}y${'x'.repeat(511 - index)}`)
  assert.equal(new Set(texts.map((text) => of(fingerprints, text))).size, texts.length)
})

test('fingerprints of texts that hardly differ spread over all values', () => {
  const fingerprints = new Fingerprints()
  const buckets = new Uint32Array(256)
  for (let index = 0; index < 65_536; index++) {
    fingerprints.take(`1:i${index}`)
    for (const half of [fingerprints.low, fingerprints.high]) buckets[half >>> 24] = (buckets[half >>> 24] ?? 0) + 1
  }
  // 512 each; six standard deviations.
  for (const count of buckets) assert.ok(count > 375 && count < 650, `${count}`)
})
