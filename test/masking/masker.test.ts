import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isGuardError } from '../../src/guard/errors.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { masker, type MaskerOptions } from '../../src/masking/masker.ts'
import { scan } from '../../src/masking/scan.ts'

const key = new Uint8Array(32).fill(1)
const secrets = [
  'bob@example.com',
  '4111 1111 1111 1111',
  'DE89370400440532013000',
  '+49 170 1234567',
  '123-45-6789',
  '10.0.0.1',
  'AKIAIOSFODNN7EXAMPLE',
]
const separators = [' ', ', ', '\n', ' "', '" ', ' (see ', ') ', ' für ', ' 日本 ', ' 🙂 ', ': ', '; ', ' <b>', '</b> ']
const prose = fc
  .array(fc.tuple(fc.constantFrom(...secrets, 'word', 'and', '17', 'x'), fc.constantFrom(...separators)), { maxLength: 20 })
  .map((pairs) => pairs.flat().join(''))

test('redact writes the type', () => {
  const masked = masker({ detect: detectors.all }).mask(`${secrets.join(', ')}.`)
  assert.equal(masked, '[EMAIL], [CARD], [IBAN], [PHONE], [US_SSN], [IP_ADDRESS], [API_KEY].')
})

test('property: redacting twice is redacting once, and nothing is left to be found', () => {
  fc.assert(
    fc.property(prose, (text) => {
      for (const mode of ['redact', 'hash', 'partial', 'pseudonym'] as const) {
        const mine = masker({ detect: detectors.all, mode, key })
        const masked = mine.mask(text)
        assert.equal(mine.mask(masked), masked)
        assert.deepEqual(scan(masked, detectors.all), [])
      }
    }),
  )
})

test('property: what stands between findings is untouched', () => {
  fc.assert(
    fc.property(prose, (text) => {
      let expected = ''
      let done = 0
      for (const { type, start, end } of scan(text, detectors.all)) {
        expected += `${text.slice(done, start)}[${type}]`
        done = end
      }
      assert.equal(masker({ detect: detectors.all }).mask(text), expected + text.slice(done))
    }),
  )
})

test('partial shows the last four of what is long enough', () => {
  const { mask } = masker({ detect: detectors.all, mode: 'partial' })
  assert.equal(mask('pay 4111 1111 1111 1111 now'), 'pay **** **** **** 1111 now')
  assert.equal(mask('bob@example.com'), '***@******e.com')
  assert.equal(mask('10.0.0.1'), '**.*.*.*')
  assert.equal(mask('a@b.co'), '*@*.**')
  assert.ok(mask(`-----BEGIN PRIVATE KEY-----\n${'A'.repeat(2000)}\n-----END PRIVATE KEY-----`).length <= 64)
})

test('hash is keyed, full and the same for the same value', () => {
  const { mask } = masker({ detect: detectors.all, mode: 'hash', key })
  assert.match(mask('bob@example.com'), /^\[EMAIL:[0-9a-f]{64}\]$/)
  assert.equal(mask('bob@example.com'), mask('bob@example.com'))
  assert.notEqual(mask('bob@example.com'), mask('rob@example.com'))
  assert.notEqual(mask('bob@example.com'), masker({ detect: detectors.all, mode: 'hash', key: key.map(() => 2) }).mask('bob@example.com'))
})

test('block refuses, whole and streamed, and the refusal does not tell the value', () => {
  const { mask, stream } = masker({ detect: detectors.all, mode: 'block' })
  assert.equal(mask('nothing here'), 'nothing here')
  const check = (error: unknown): boolean =>
    isGuardError(error) && error.code === 'payload_blocked' && !JSON.stringify([error, String(error.cause)]).includes('bob@')
  assert.throws(() => mask('bob@example.com'), check)
  const blocked = stream()
  assert.equal(blocked.push('mail bob@'), 'mail ')
  assert.throws(() => blocked.push('example.com '), check)
})

test('a pseudonym is letters and digits, the same for the same value, another for another', () => {
  const names = masker({ detect: detectors.all, mode: 'pseudonym', key })
  const masked = names.mask('bob@example.com and rob@example.com and bob@example.com, 123-45-6789')
  const [, first, second, third, ssn] = /^(EMAIL[0-9a-hjkmnp-tv-z]{16}) and (EMAIL\w{16}) and (EMAIL\w{16}), (USSSN\w{16})$/.exec(masked) ?? []
  assert.ok(first !== undefined && ssn !== undefined, masked)
  assert.equal(first, third)
  assert.notEqual(first, second)
})

test('a pseudonym is the same in every process with the key and the scope, and another elsewhere', () => {
  const mask = (options: Partial<MaskerOptions>): string => masker({ detect: detectors.all, mode: 'pseudonym', ...options }).mask('bob@example.com')
  assert.equal(mask({ key, scope: 'a' }), mask({ key, scope: 'a' }))
  assert.notEqual(mask({ key, scope: 'a' }), mask({ key, scope: 'b' }))
  assert.notEqual(mask({ key, scope: 'a' }), mask({ key: key.map(() => 2), scope: 'a' }))
  assert.notEqual(mask({ scope: 'a' }), mask({ scope: 'a' }))
})

test('restores what a model made of it: other case, quotes, Markdown, JSON, HTML, punctuation', () => {
  const names = masker({ detect: detectors.all, mode: 'pseudonym' })
  const token = names.mask('bob@example.com')
  const renderings = [
    '%',
    '**%**',
    '`%`',
    '"%"',
    "'%'",
    '_%_',
    '[%](x)',
    '&quot;%&quot;',
    '{"to":"%"}',
    '%.',
    '(%),',
    '<%>',
    '%’s',
    'to:%;',
    '~~%~~',
    '%\n',
  ]
  for (const rendering of renderings)
    for (const form of [token, token.toLowerCase(), token.toUpperCase()])
      assert.equal(names.restore(rendering.replace('%', form)), rendering.replace('%', 'bob@example.com'))
  assert.equal(names.restore(`${token}${token}`), 'bob@example.combob@example.com')
})

test('never restores what it did not make: truncated, altered, foreign, forged', () => {
  const names = masker({ detect: detectors.all, mode: 'pseudonym', key })
  const token = names.mask('bob@example.com')
  const foreign = masker({ detect: detectors.all, mode: 'pseudonym', key, scope: 'other' }).mask('bob@example.com')
  for (const text of [
    token.slice(0, -1),
    token.slice(1),
    token.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    token.replace('EMAIL', 'PHONE'),
    `${token.slice(0, 8)} ${token.slice(8)}`,
    foreign,
    'EMAIL0000000000000000',
  ])
    assert.equal(names.restore(text), text)
})

test('a pseudonym that a text brings along is a value like any other, and comes back as it was', () => {
  const planted = masker({ detect: detectors.all, mode: 'pseudonym', key }).mask('bob@example.com')
  const names = masker({ detect: detectors.all, mode: 'pseudonym', key })
  // Planted before its value is there, and beside it.
  const text = `${planted} is not bob@example.com`
  const masked = names.mask(text)
  assert.match(masked, /^TOKEN\w{16} is not EMAIL\w{16}$/)
  assert.equal(names.restore(masked), text)
  // What was minted here before stays.
  assert.equal(names.mask(`${planted} again`), `${planted} again`)
})

test('remembers a bounded amount, and forgets the oldest first', () => {
  const names = masker({ detect: detectors.all, mode: 'pseudonym' })
  const first = names.mask('first@example.com')
  for (let index = 0; index < 10_000; index++) names.mask(`user${index}@example.com`)
  const last = names.mask('last@example.com')
  assert.equal(names.restore(first), first)
  assert.equal(names.restore(last), 'last@example.com')
})

test('wrong options are refused when the masker is made', () => {
  const wrong: readonly object[] = [
    { detect: [] },
    { mode: 'blur' },
    { mode: 'hash' },
    { key: new Uint8Array(31) },
    { key: 'k'.repeat(32) },
    { scope: 7 },
  ]
  for (const change of wrong) assert.throws(() => masker({ detect: detectors.all, ...change } as MaskerOptions), TypeError)
})

test('a key that is changed afterwards changes nothing', () => {
  const own = key.slice()
  const names = masker({ detect: detectors.all, mode: 'hash', key: own })
  const before = names.mask('bob@example.com')
  own.fill(9)
  assert.equal(names.mask('bob@example.com'), before)
})
