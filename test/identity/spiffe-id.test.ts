import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTrustDomain, parseSpiffeId } from '../../src/identity/spiffe-id.ts'

test('reads a SPIFFE ID (SPIFFE ID, section 2)', () => {
  assert.deepEqual(parseSpiffeId('spiffe://example.org/ns/prod/sa/Billing_1'), { trustDomain: 'example.org', path: '/ns/prod/sa/Billing_1' })
  assert.deepEqual(parseSpiffeId('spiffe://example.org'), { trustDomain: 'example.org', path: '' })
  assert.deepEqual(parseSpiffeId('spiffe://a-b_c.d/...'), { trustDomain: 'a-b_c.d', path: '/...' })
})

test('refuses what is no SPIFFE ID, or one in another spelling', () => {
  const others: readonly [section: string, text: string][] = [
    ['2, the scheme', 'https://example.org/a'],
    ['2, the scheme in lower case', 'SPIFFE://example.org/a'],
    ['2, no white space', ' spiffe://example.org/a'],
    ['2, no white space at the end', 'spiffe://example.org/a\n'],
    ['2, no query', 'spiffe://example.org/a?b=c'],
    ['2, no fragment', 'spiffe://example.org/a#b'],
    ['2, two slashes', 'spiffe:/example.org/a'],
    ['2.1, a trust domain', 'spiffe:///a'],
    ['2.1, a trust domain in lower case', 'spiffe://Example.org/a'],
    ['2.1, no port', 'spiffe://example.org:443/a'],
    ['2.1, no colon', 'spiffe://example.org:/a'],
    ['2.1, no user', 'spiffe://user@example.org/a'],
    ['2.1, no percent encoding', 'spiffe://ex%61mple.org/a'],
    ['2.1, ASCII', 'spiffe://exämple.org/a'],
    ['2.2, no slash at the end', 'spiffe://example.org/a/'],
    ['2.2, no slash alone', 'spiffe://example.org/'],
    ['2.2, no empty segment', 'spiffe://example.org/a//b'],
    ['2.2, no dot', 'spiffe://example.org/./a'],
    ['2.2, no two dots', 'spiffe://example.org/a/..'],
    ['2.2, no percent encoding', 'spiffe://example.org/%61'],
    ['2.2, no other characters', 'spiffe://example.org/a,b'],
    ['2.2, ASCII', 'spiffe://example.org/ä'],
    ['2.2, no NUL', 'spiffe://example.org/a\0'],
    ['2.3, the trust domain is not longer than 255', `spiffe://${'a'.repeat(256)}/a`],
    ['2.3, not longer than 2048', `spiffe://example.org/${'a'.repeat(2048 - 'spiffe://example.org/'.length + 1)}`],
  ]
  for (const [section, text] of others) assert.equal(parseSpiffeId(text), undefined, section)
  assert.notEqual(parseSpiffeId(`spiffe://example.org/${'a'.repeat(2048 - 'spiffe://example.org/'.length)}`), undefined)
})

test('what is read is what was written, and its trust domain is one', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^spiffe:\/\/[a-z.]{0,3}(?:[/.A-Za-z%]{0,6})$/), (text) => {
      const read = parseSpiffeId(text)
      if (read === undefined) return
      assert.equal(`spiffe://${read.trustDomain}${read.path}`, text)
      assert.ok(isTrustDomain(read.trustDomain))
    }),
  )
})

test('takes time in proportion to its input', () => {
  for (const text of ['/a'.repeat(500_000), 'a'.repeat(1_000_000), '/'.repeat(1_000_000)]) assert.equal(parseSpiffeId(`spiffe://a${text}`), undefined)
})

test('knows the name of a trust domain', () => {
  assert.equal(isTrustDomain('example.org'), true)
  for (const other of ['', 'spiffe://example.org', 'Example.org', 'a/b', 'a:1', 'a'.repeat(256), 1, undefined])
    assert.equal(isTrustDomain(other), false)
})
