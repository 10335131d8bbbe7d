import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UrlWatch } from '../../src/masking/masking.ts'

function isInside(text: string): boolean {
  const watch = new UrlWatch()
  watch.read(text)
  return watch.isInside
}

test('knows that an address goes on', () => {
  for (const text of [
    'see https://evil.example/?q=',
    '![x](https://evil.example/?q=',
    '![x](/relative?q=',
    '![x](<https://evil.example/ a b?q=',
    '<img src="https://evil.example/ a\nb?q=',
    "<img src='//evil.example/ ",
    'https:/\\evil.example/',
    '\\\\evil.example\\',
    'HTTPS:evil.example?q=',
    'http:evil',
    'www.evil.example/?q=',
    'https://evil.example/"x<y>z\'',
    `https://evil.example/${'a'.repeat(10_000)}`,
    '[a]: //evil.example/',
  ])
    assert.ok(isInside(text), text)
})

test('knows that an address is over, or was none', () => {
  for (const text of [
    'plain text ',
    'see https://example.com now ',
    'see https://example.com\n',
    '"https://example.com" said ',
    '<https://example.com> and ',
    'She said "help: ',
    'tip:',
    'a/b ',
    'and/or',
    '// a comment ',
    'f(x',
    'wow. ',
    "it's at https://example.com and ",
  ])
    assert.ok(!isInside(text), text)
})

test('sees the same however the text is cut', () => {
  const text = 'see https://x.y/?q=1 and [a](<//b c> d) www.z "http:a b" end'
  for (let cut = 0; cut <= text.length; cut++) {
    const watch = new UrlWatch()
    watch.read(text.slice(0, cut))
    assert.equal(watch.isInside, isInside(text.slice(0, cut)))
    watch.read(text.slice(cut))
    assert.equal(watch.isInside, isInside(text))
  }
})
