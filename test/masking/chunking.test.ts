import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isGuardError } from '../../src/guard/errors.ts'
import type { Detect, Detector } from '../../src/masking/detector.ts'
import { pattern } from '../../src/masking/pattern.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { type Masker, masker, TextMasker, type TextStream } from '../../src/masking/masker.ts'
import { scan } from '../../src/masking/scan.ts'
import { Masking } from '../../src/masking/masking.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'
import { loadSurrogates } from '../../src/masking/surrogate.ts'

const key = new Uint8Array(32).fill(7)

// What decides anything: whole secrets, pieces of them, what bounds them, and what looks like them.
const atoms = [
  ...['bob@example.com', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '+49 170 1234567', '(555) 123-4567', '123-45-6789', '10.0.0.1'],
  ...[
    'sk-proj-abcdEFGH1234567890abcd',
    'AKIAIOSFODNN7EXAMPLE',
    'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln',
    'EMAIL0123456789abcdef',
    'phone: 5551234567',
  ],
  ...['-----BEGIN PRIVATE KEY-----\nMIIB', '\n-----END PRIVATE KEY-----\n', '-----BEGIN ', 'PRIVATE KEY', 'EMP-1234', 'EMP-123', 'aa', 'aaa'],
  ...[
    '123-45-6789',
    'SSN: 536904399',
    'PESEL 44051401359',
    'AB 12 34 56 C',
    'AB ',
    'X-1234567-L',
    '2001:db8::1',
    '00:1B:44:11:3A:B7',
    'born 5 March 1980',
  ],
  ...[
    'March 5, 1980',
    'dob: 1980-03-05',
    'passport C01X00T47',
    'lat: 48.85661',
    '48.8566° N, 2.3522° E',
    'https://bob:p4ss@x.y/',
    'postgres://u:p4ss@h/x',
  ],
  ...[
    'password = "Tr0ub4dor&3"',
    'api_key: a8f5f167f44f4964e6c998',
    'order ',
    '1HGCM82633A004352',
    '0x52908400098527886E0F7030069857D2E4169EE7',
    '𝟒',
    '⑩',
    '1\u0301',
  ],
  ...[
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
    '"a"@b.co',
    'x1234',
    'ext. 12',
    '2023-11-05',
    'Mar',
    'GB29 NWBK 6016 1331 9268 19',
    '::',
    '://',
    '=',
    '\ud835',
    '\udfd2',
  ],
  ...[
    '<apiToken>a8f5f167f44f4964e6c998dee</apiToken>',
    'ENV APP_SECRET a8f5f167f44f4964e6c998dee ',
    'token: |\n  a8f5f167f44f4964e6c998dee',
    '("api_token", "a8f5f167f44f4964e6c998dee")',
    "--user kevin:'pRf7vG2h1L8nQkW9' ",
    'password s3cReT_99 ',
    'bP88Q~rcBcYjzzOhg1Hnn76Wm3jGgakZiZ.8vMgR',
    '0123456789abcdef0123456789abcdea-us12',
    'ghp_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3',
    'hvs.a1B2c3D4e5F6a1B2c3D4e5F6',
  ],
  ...[
    '40°42\'46"N 74°0\'22"W',
    'N 48.8584 E 2.2945',
    '12.345678, -23.456789',
    'dob 19800305',
    '10.0.0.0/8',
    'fe80::1%eth0/64',
    ',179-10-0355',
    ',45,',
    '例え.jp',
  ],
  ...['@', '.', '-', '--', ' ', '  ', '\n', '(', ')', '+', '/', ':', ',', '_', "'", '"', '<', '>', '//', 'https://x.y/?q='],
  ...[
    'a',
    'e',
    'ey',
    'eyJ',
    's',
    'sk-',
    'EMAIL',
    'email',
    'example.com',
    'com',
    'de',
    'DE89',
    'tel ',
    '0',
    '1',
    '12',
    '123',
    '4111',
    '55555',
    '0170',
  ],
  ...[
    'é',
    '日',
    '🙂',
    '\u200b',
    '\u200b\u200b\u200b\u200b\u200b',
    '１',
    '\u00a0',
    '\u2011',
    '＠',
    '\ud83d',
    '\ude42',
    'x'.repeat(70),
    '1'.repeat(20),
  ],
]
const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...atoms), { maxLength: 24 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'019 .-@ae+('), maxLength: 60 }) },
)
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 })

// Greedy, without a bound of its own, and overlapping: what a detector of one's own may do.
const mine: readonly Detector[] = [
  pattern({ name: 'BADGE', regex: /\bEMP-\d{4}\b/, maxLength: 10 }),
  pattern({ name: 'RUN', regex: /a+|1+|(?<=x)x+/g, maxLength: 5 }),
  {
    type: 'PAIR',
    maxLength: 3,
    find: (piece) => Array.from(piece.matchAll(/🙂|[@.]./gu), ({ index, 0: found }) => ({ start: index, end: index + found.length, score: 0.95 })),
  },
]
const choices: readonly Detect[] = [detectors.all, [detectors.all, ...mine], mine, detectors.phone, detectors.iban, detectors.secrets]

function pieces(whole: string, at: readonly number[]): string[] {
  const sorted = [...new Set(at.filter((cut) => cut < whole.length))].sort((one, other) => one - other)
  return [0, ...sorted].map((from, index) => whole.slice(from, sorted[index]))
}

function through(stream: TextStream, chunks: readonly string[]): string {
  return chunks.map((chunk) => stream.push(chunk)).join('') + stream.end()
}

function agree(make: () => Masker, whole: string, chunks: readonly string[]): void {
  assert.equal(through(make().stream(), chunks), make().mask(whole))
}

test('property: a text masks the same however it is cut, with every detector and mode', () => {
  for (const detect of choices)
    for (const mode of ['redact', 'pseudonym', 'hash', 'partial'] as const)
      fc.assert(
        fc.property(text, cuts, (whole, at) => agree(() => masker({ detect, mode, key }), whole, pieces(whole, at))),
        { numRuns: 60 },
      )
})

test('property: a text masks the same however it is cut, with each detector alone', () => {
  for (const detect of detectors.all)
    fc.assert(
      fc.property(text, cuts, (whole, at) => agree(() => masker({ detect }), whole, pieces(whole, at))),
      { numRuns: 25 },
    )
})

test('property: a surrogate is the same however a text is cut, and what is blocked is blocked', async () => {
  await loadSurrogates()
  const isBlocked = (run: () => unknown): boolean => {
    try {
      run()
      return false
    } catch (error) {
      assert.ok(isGuardError(error) && error.code === 'payload_blocked')
      return true
    }
  }
  fc.assert(
    fc.property(text, cuts, (whole, at) => {
      agree(() => masker({ detect: detectors.all, mode: 'surrogate', key }), whole, pieces(whole, at))
      const { mask, stream } = masker({ detect: detectors.all, mode: 'block' })
      assert.equal(
        isBlocked(() => mask(whole)),
        isBlocked(() => through(stream(), pieces(whole, at))),
      )
    }),
    { numRuns: 150 },
  )
})

test('property: a text masks the same unit by unit and in pieces of every size', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 40 }), (whole, size) => {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) => whole.slice(index * size, (index + 1) * size))
      for (const detect of choices) agree(() => masker({ detect }), whole, chunks)
    }),
    { numRuns: 300 },
  )
})

test('a secret cut at every offset never shows', () => {
  const whole = 'Write to bob@example.com, pay 4111 1111 1111 1111 or DE89370400440532013000, ring +49 170 1234567. Thanks'
  const masked = masker({ detect: detectors.all }).mask(whole)
  assert.equal(masked, 'Write to [EMAIL], pay [CARD] or [IBAN], ring [PHONE]. Thanks')
  for (let first = 0; first <= whole.length; first++)
    for (let second = first; second <= whole.length; second += 7)
      assert.equal(
        through(masker({ detect: detectors.all }).stream(), [whole.slice(0, first), whole.slice(first, second), whole.slice(second)]),
        masked,
      )
})

test('property: pseudonyms restore the same however the answer is cut', () => {
  fc.assert(
    fc.property(text, cuts, (whole, at) => {
      const names = masker({ detect: detectors.all, mode: 'pseudonym', key })
      const masked = names.mask(whole)
      assert.equal(through(names.restoring(), pieces(masked, at)), whole)
      assert.equal(names.restore(masked), whole)
    }),
    { numRuns: 500 },
  )
})

test('property: an answer that is masked, restored and watched for addresses is the same however it is cut', () => {
  const masking = new Masking({ detect: [detectors.all, ...mine], mode: 'pseudonym', key })
  fc.assert(
    fc.property(text, text, cuts, fc.boolean(), (given, said, at, mask) => {
      const scope = new PseudonymScope('', masking.hash)
      const token = new TextMasker(masking.input(scope, 0)).whole(given)
      const answer = `${said} ${token} https://x.y/?q=${token}`
      const make = (): TextMasker => {
        const treatment = masking.output(scope, { mask, restore: true, urls: false })
        assert.ok(treatment !== undefined)
        return new TextMasker(treatment)
      }
      assert.equal(through(make(), pieces(answer, at)), make().whole(answer))
    }),
    { numRuns: 500 },
  )
})

test('what is held back is bounded, and what can no longer be a finding is released', () => {
  const held = (detect: Detect, chunk: string, times: number): number => {
    const stream = new TextMasker(new Masking({ detect }).input(new PseudonymScope('', undefined), 0))
    let most = 0
    for (let index = 0; index < times; index++) {
      stream.push(chunk)
      most = Math.max(most, stream.held)
    }
    return most
  }
  // The last word is all that an address can still begin with.
  assert.equal(held(detectors.pii, 'and so on and on ', 1000), 0)
  assert.equal(held(detectors.email, 'a', 10_000), 64)
  assert.ok(held(detectors.email, 'a.', 10_000) <= 64)
  assert.ok(held(detectors.email, 'a@b.', 10_000) <= 64 + 254)
  assert.ok(held(detectors.pii, '1', 10_000) <= 64)
  assert.ok(held(detectors.pii, '1 ', 10_000) <= 70)
  assert.ok(held(detectors.pii, '4111 ', 10_000) <= 70)
  assert.ok(held(detectors.all, '-----BEGIN PRIVATE KEY-----', 2_000) <= 8192 + 27)
  assert.ok(held(detectors.all, 'eyJhbGciOi.', 5_000) <= 8192 + 64)
  assert.ok(held(detectors.card, `4${'\u200b'.repeat(8)}`, 2_000) <= 39 * 9)
  assert.ok(held(detectors.card, `4${'\u200b'.repeat(5000)}`, 20) <= 39 * 9)
  // A detector of one's own: its window and one finding.
  assert.ok(held(pattern({ name: 'X', regex: /x+/, maxLength: 50 }), 'x', 5_000) <= 150)
})

test('a long text, which is read in pieces, is found and masked as it would be in any others', () => {
  const line = 'bob@example.com pays 4111 1111 1111 1111 🙂 '
  for (const shift of [0, 1, 7, 20]) {
    const whole = '-'.repeat(shift) + line.repeat(1_700)
    const safe = line.replace('bob@example.com', '[EMAIL]').replace('4111 1111 1111 1111', '[CARD]')
    assert.equal(masker({ detect: detectors.all }).mask(whole), '-'.repeat(shift) + safe.repeat(1_700))
    agree(() => masker({ detect: [detectors.all, ...mine] }), whole, pieces(whole, [30_000, 32_767, 32_768, 32_769, 50_001, 65_537]))
    assert.equal(scan(whole, detectors.all).length, 3_400)
  }
})
