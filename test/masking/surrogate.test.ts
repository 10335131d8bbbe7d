import assert from 'node:assert/strict'
import { test } from 'node:test'
import { luhn } from '../../src/masking/check-digits.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { masker } from '../../src/masking/masker.ts'
import { scan } from '../../src/masking/scan.ts'
import { loadSurrogates } from '../../src/masking/surrogate.ts'

const key = new Uint8Array(32).fill(9)

test('what it needs must be loaded before, and there must be a key', async () => {
  assert.throws(() => masker({ detect: detectors.pii, mode: 'surrogate', key }), /loadSurrogates/)
  assert.throws(() => masker({ detect: detectors.pii, mode: 'surrogate' }), /key/)
})

test('writes values of the same form that belong to nobody', async () => {
  await loadSurrogates()
  const { mask } = masker({ detect: detectors.all, mode: 'surrogate', key })
  assert.match(mask('bob@example.org'), /^[a-z0-9]{12}@example\.com$/)
  assert.match(mask('+49 170 1234567'), /^\+1-[2-9]\d[2-9]-555-01\d\d$/)
  assert.match(mask('10.1.2.3'), /^(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/)
  assert.match(mask('2001:db8::1'), /^2001:db8:[0-9a-f]+:[0-9a-f]+::[0-9a-f]+$/)
  assert.match(mask('10.1.0.0/16'), /^(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+\/16$/)
  assert.match(mask('2001:db8::/32'), /^2001:db8:[0-9a-f]+:[0-9a-f]+::[0-9a-f]+\/32$/)
  assert.match(mask('00:1B:44:11:3A:B7'), /^00:00:5e:00:53:[0-9a-f]{2}$/)
  assert.match(mask('DOB: 03/05/1980'), /^DOB: 1980-01-01$/)
  assert.match(mask('SSN 536-90-4399'), /^SSN \d{3}-\d{2}-\d{4}$/)
  assert.match(mask('DE89 3704 0044 0532 0130 00'), /^[A-Z]{2}\d\d \d{4} \d{4} \d{4} \d{4} \d\d$/)
  assert.equal(mask('sk-proj-abcdEFGH1234567890abcd'), '[API_KEY]')
  const card = mask('4111 1111 1111 1111')
  assert.match(card, /^\d{4} \d{4} \d{4} \d{4}$/)
  assert.deepEqual(scan(card, detectors.card), [])
})

test('the same value has the same surrogate under the same key, and another under another', () => {
  const one = masker({ detect: detectors.all, mode: 'surrogate', key })
  const other = masker({ detect: detectors.all, mode: 'surrogate', key: key.map(() => 8) })
  for (const value of ['bob@example.org', '4111 1111 1111 1111', 'PESEL 44051401359']) {
    assert.equal(one.mask(value), masker({ detect: detectors.all, mode: 'surrogate', key }).mask(value))
    assert.notEqual(one.mask(value), other.mask(value))
    assert.notEqual(one.mask(value), value)
  }
})

test('no surrogate of a card is a card, and different cards stay different', () => {
  const { mask } = masker({ detect: detectors.card, mode: 'surrogate', key })
  const seen = new Set<string>()
  for (let count = 0; count < 500; count++) {
    const digits = String(count * 7_919).padStart(14, '0')
    const card = Array.from({ length: 10 }, (_, last) => `4${digits}${last}`).find(luhn) ?? ''
    const surrogate = mask(card)
    assert.ok(!luhn(surrogate) && /^\d{16}$/.test(surrogate), card)
    seen.add(surrogate)
  }
  assert.equal(seen.size, 500)
})
