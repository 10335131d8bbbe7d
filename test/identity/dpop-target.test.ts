import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { proofTarget } from '../../src/identity/dpop-target.ts'

const same = (...spellings: string[]): void => {
  for (const spelling of spellings) assert.equal(proofTarget(spelling), spellings[0], spelling)
}
const distinct = (...spellings: string[]): void => {
  const targets = spellings.map((spelling) => proofTarget(spelling) ?? assert.fail(spelling))
  assert.equal(new Set(targets).size, spellings.length, targets.join(' '))
}

describe('the target of a proof', () => {
  test('has scheme and host in lower case, and the path as it is (RFC 3986, section 6.2.2.1)', () => {
    same('https://api.example/Chat', 'HTTPS://API.EXAMPLE/Chat', 'Https://Api.Example/Chat')
    same('https://[2001:db8::1]/', 'https://[2001:DB8::1]/')
    distinct('https://api.example/chat', 'https://api.example/CHAT')
  })

  test('has no default port and no empty one, and any other (RFC 3986, section 6.2.3)', () => {
    same('https://api.example/', 'https://api.example:443/', 'https://api.example:/', 'https://api.example', 'https://api.example:443')
    same('http://api.example/', 'http://api.example:80/', 'http://api.example:')
    same('https://[::1]/', 'https://[::1]:443/', 'https://[::1]:')
    distinct('https://api.example/', 'http://api.example/', 'https://api.example:80/', 'http://api.example:443/', 'https://api.example:8443/')
  })

  test('has percent-encoded what needs it, in upper case, and nothing else (RFC 3986, sections 6.2.2.1 and 6.2.2.2)', () => {
    same('https://a.example/-._~aZ9', 'https://a.example/%2D%2e%5F%7e%61%5a%39')
    same('https://a.example/a%2Fb%C3%A9', 'https://a.example/a%2fb%c3%a9')
    distinct(
      ...['/', '%2F', '%252F', '%', '%3F', '%23', '%3B', ';', '+', '%2B', '%20']
        .filter((text) => text !== '%')
        .map((text) => `https://a.example/x${text}y`),
    )
  })

  test('has no dot segments (RFC 3986, section 5.2.4)', () => {
    same('https://a.example/a/g', 'https://a.example/a/b/c/./../../g')
    same('https://a.example/', 'https://a.example/..', 'https://a.example/../..', 'https://a.example/.', 'https://a.example/a/..')
    same('https://a.example/a/', 'https://a.example/a/.', 'https://a.example/a/b/..', 'https://a.example/a/%2e', 'https://a.example/a/b/%2E%2e')
    same('https://a.example/a//b', 'https://a.example/a//./b', 'https://a.example/a//c/../b')
    distinct(
      'https://a.example/a/b',
      'https://a.example/a//b',
      'https://a.example/a/b/',
      'https://a.example/a/...',
      'https://a.example/.a/b',
      'https://a.example/a/..b',
    )
  })

  test('has no query and no fragment, whatever is in them (RFC 9449, section 4.2)', () => {
    same(
      'https://a.example/x',
      'https://a.example/x?a=b',
      'https://a.example/x#c',
      'https://a.example/x?a#b?c',
      'https://a.example/x?/../y',
      'https://a.example/x#\\ ä',
    )
    same('https://a.example/', 'https://a.example?x', 'https://a.example#x')
  })

  test('is none for what is no such address', () => {
    for (const url of [
      '',
      '/',
      'a.example/x',
      '//a.example/x',
      'https:/a.example/x',
      'https:a.example/x',
      'https://',
      'https:///x',
      'https://?x',
      'ftp://a.example/x',
      'wss://a.example/x',
      'javascript://a.example/x',
      ' https://a.example/x',
      'https://a.example/x ',
      'https://a.example/x\n',
      'https://a.example/\tx',
      'https://a.example/a b',
      'https://a.example/ä',
      'https://ä.example/',
      'https://a.example\\x',
      'https://a.example/a\\b',
      'https://user@a.example/x',
      'https://user:password@a.example/x',
      'https://@a.example/x',
      'https://a%2eexample/x',
      'https://a.example:x/',
      'https://a.example:44 3/',
      'https://a.example:123456/',
      'https://a.example:1:2/',
      'https://[::1/x',
      'https://[::1]x/',
      'https://[fe80::1%25eth0]/',
      'https://a.example/%',
      'https://a.example/%4',
      'https://a.example/%zz',
      'https://a.example/%C3%',
      'https://a.example/\u0000',
    ])
      assert.equal(proofTarget(url), undefined, url)
  })

  const segment = fc.stringMatching(/^(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}){0,6}$/)
  const url = fc
    .record({
      scheme: fc.constantFrom('http', 'https', 'HTTPS'),
      host: fc.constantFrom('api.example', 'API.example', '127.0.0.1', '[::1]', 'localhost'),
      port: fc.constantFrom('', ':', ':80', ':443', ':8080'),
      path: fc.array(fc.oneof(segment, fc.constantFrom('.', '..', '%2e', '%2E.', ''))),
      rest: fc.constantFrom('', '?a=b', '#c', '?/..'),
    })
    .map(({ scheme, host, port, path, rest }) => `${scheme}://${host}${port}${path.map((part) => `/${part}`).join('')}${rest}`)

  test('is its own target, and that of what a browser makes of the address', () => {
    fc.assert(
      fc.property(url, (text) => {
        const target = proofTarget(text)
        assert.ok(target)
        assert.equal(proofTarget(target), target)
        assert.equal(proofTarget(new URL(text).href), target)
      }),
      { numRuns: 500 },
    )
  })

  test('of two addresses is one only where a browser asks for the same, but for letters that need no encoding', () => {
    const decoded = (text: string): string => {
      const { origin, pathname } = new URL(text)
      return (
        origin +
        pathname
          .replaceAll(/%(?:2[DE]|3\d|[46][1-9A-F]|[57][0-9A]|5F|7E)/gi, (part) => decodeURIComponent(part))
          .replaceAll(/%../g, (part) => part.toUpperCase())
      )
    }
    fc.assert(fc.property(url, url, (one, other) => assert.equal(proofTarget(one) === proofTarget(other), decoded(one) === decoded(other))))
    fc.assert(
      fc.property(url, (one) => assert.equal(proofTarget(one), decoded(one))),
      { numRuns: 500 },
    )
  })

  test('takes time that grows with the address alone', () => {
    for (const part of ['/..', '/.', '%2e%2e/', '%', '/', 'a/', ':', '[', '@', '?', '/a/../'])
      proofTarget(`https://a.example/${part.repeat(1_000_000 / part.length)}`)
  })
})
