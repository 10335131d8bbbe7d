import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectors } from '../../src/masking/detectors.ts'
import { TextMasker } from '../../src/masking/masker.ts'
import { Masking } from '../../src/masking/masking.ts'
import { UrlWatch } from '../../src/masking/url-watch.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'

function isInside(text: string): boolean {
  const watch = new UrlWatch()
  watch.read(text)
  return watch.isInside
}

test('says no only behind letters, digits and the punctuation of sentences', () => {
  for (const text of [
    'plain text ',
    'Dear ',
    '(',
    '"',
    "'",
    '**',
    '_',
    '- ',
    'wow! ',
    'f(x',
    'Größe ',
    '姓名：',
    '您好，',
    'a—',
    'it’s“',
    'x\u00a0',
    '`',
    'run `',
    '**`',
    '~~',
    'one,',
    '',
  ])
    assert.ok(!isInside(text), text)
  for (const sign of '/:?=&%#\\<>[]@{}|`~+$^') assert.ok(isInside(`x${sign}y`), sign)
  for (const sign of ['\u0000', '\u000b', '\u007f', '\u2028', '／', '？', '＠', '．']) assert.ok(isInside(`x${sign}y`), JSON.stringify(sign))
})

test('takes what may be the name of a host for an address', () => {
  for (const text of ['evil.', 'evil.example', 'www.', 'see evil.example,']) assert.ok(isInside(text), text)
})

test('knows that an address goes on', () => {
  for (const text of [
    'see https://evil.example/?q=',
    '![x](https://evil.example/?q=',
    '![x](/relative?q=',
    'HTTPS:evil.example?q=',
    'http:evil',
    'tip:',
    'and/or',
    'https://evil.example/"x<y>z\'',
    `https://evil.example/${'a'.repeat(10_000)}`,
    "'http://evil.example/'?q=",
    'https://evil.example/\u00a0',
  ])
    assert.ok(isInside(text), text)
})

test('knows that white space does not end an address everywhere', () => {
  for (const text of [
    '![x]( ',
    '![x](\n',
    '![x](<https://evil.example/ a b ',
    '![x](<https://evil.example/ a)b ',
    '![x](<https://evil.example/ a\\>b ',
    '![x](a\\) ',
    '![x](a(b) ',
    '`](<` ![x](<a) ',
    '[y]: ',
    '[y]:\n',
    '[y]: <a b ',
    '<img src=',
    '<img src= ',
    '<img src="https://evil.example/ a\nb ',
    "<img src='a > b ",
    '<img " src="> ',
    '<img =" src="> ',
    `\`<img src='\` <img src="x'> `,
    `<!-- <img src=' --> <img src="x'> `,
    '<a href = "a > b ',
    '<a\thref=x> <b c ',
    '<a href="x"y="> ',
    '<style> a { background: url( "x ',
    '<SCRIPT> x ',
    '<mailto:a b ',
  ])
    assert.ok(isInside(text), text)
})

test('knows that an address is over, or was none', () => {
  for (const text of [
    'see https://example.com now ',
    'see https://example.com\n',
    '"https://example.com" said ',
    '<https://example.com> and ',
    'She said "help: ',
    'a/b ',
    '// a comment ',
    "it's at https://example.com and ",
    '[x](https://example.com) and ',
    '[x](<https://example.com/a b>) and ',
    '[x](https://example.com/a_(b)) and ',
    '[x](never closed\n\nand ',
    '[y]: https://example.com\nand ',
    '<a href="https://example.com">x</a> and ',
    '<a href=\'x\' title = "y > z" b>x</a> and ',
    '<br/> and ',
    'if a < b and ',
    'x <3 and ',
  ])
    assert.ok(!isInside(text), text)
})

test('sees the same however the text is cut', () => {
  const text = 'see https://x.y/?q=1 and [a](<//b c> d) www.z "http:a b" <a b="c> d"> [e]:\n<f g>\nh <br> i'
  for (let cut = 0; cut <= text.length; cut++) {
    const watch = new UrlWatch()
    watch.read(text.slice(0, cut))
    assert.equal(watch.isInside, isInside(text.slice(0, cut)))
    watch.read(text.slice(cut))
    assert.equal(watch.isInside, isInside(text))
  }
})

test('JSON between its strings is no sign of an address, and everything in them is what it was', () => {
  for (const text of [
    '{"to":"',
    '{"a":"b","to":"',
    '[{"to":["',
    '{"a":[1,-2e5,true,null],"to":"x',
    ' \n[["',
    'Here it is:\n{"to":"',
    '```json\n{"to":"',
    '{\n"a":{"b":"',
  ])
    assert.ok(!isInside(text), text)
  for (const text of [
    '{"u":"https://evil.example/?q=","to":"',
    '{"u":"/q","to":"',
    '{"u":"![](x","to":"',
    '["](x","',
    '{"u":"x?q=","to":"',
    '{"u":"a@evil","to":"',
    '{"u":"<img src=","to":"',
    '{"u":"[y]:","to":"',
    '{"u":"http:","to":"',
    '{"u":"evil.example","to":"',
    '{"u":"{","to":"',
    '{"u":"a\\tb","to":"',
    '{http:',
    '{"a":http:',
    '{a:"',
    '{x=',
    '{"a"="',
    '[x](',
    '[x]: ',
    'say {"to":"',
    '![]({"to":"',
    '![](\n{"to":"',
    '<img src="\n{"to":"',
    '<style>\n{"to":"',
    'https://evil.example/{"to":"',
  ])
    assert.ok(isInside(text), text)
  for (const text of ['"', '"}', '","u":"https://evil.example/"}', '"](x)', ' x"', ', y"'])
    assert.equal(UrlWatch.continues(text, true, true), false, text)
  for (const text of ['.evil.example"', '/x"', '@evil.example"', '\\"', ':80"', '?q"']) assert.equal(UrlWatch.continues(text, true, true), true, text)
})

test('marks of Markdown are signs of an address behind anything but marks', () => {
  for (const text of ['x`', 'fetch(x`', '/`', '`x`', '`/', '//~', 'evil~', '![x](`', '<a href=`']) assert.ok(isInside(text), text)
  for (const text of ['`', '`. Next', '~~ and', '`,', '**`']) assert.equal(UrlWatch.continues(text, true), false, text)
  for (const text of ['`.evil.example', '`/x', '`@evil', '~:80', '`](x)']) assert.equal(UrlWatch.continues(text, true), true, text)
})

test('looks at what follows a word', () => {
  for (const text of ['', ' ', ', your order', '. Next', '.', '?', '? ', ': x', ':', ') and', '!"\n', "'s", '**', '，您好 ', `${'a'.repeat(62)} `])
    assert.equal(UrlWatch.continues(text, true), false, text)
  for (const text of ['@evil.example', '.evil.example', '/x', ':80', '?q', '](x)', '>', ',evil.example/', `${'a'.repeat(64)} `, 'x#', '%20'])
    assert.equal(UrlWatch.continues(text, true), true, text)
  for (const text of ['', ',', '.', '?', 'abc']) assert.equal(UrlWatch.continues(text, false), undefined, text)
})

test('a pseudonym in an address that goes on behind it stays one, in a stream as in a whole text', () => {
  const masking = new Masking({ detect: detectors.email, mode: 'pseudonym' })
  const scope = new PseudonymScope('', undefined)
  const given = new TextMasker(masking.input(scope, 0)).whole('ada@corp.example')
  const made = (): TextMasker => {
    const treatment = masking.output(scope, { mask: true, restore: true, urls: false })
    assert.ok(treatment)
    return new TextMasker(treatment)
  }
  const restored: readonly (readonly [string, boolean])[] = [
    [`Dear ${given}, your order`, true],
    [`(${given})`, true],
    [`${given}`, true],
    [`Is it ${given}?`, true],
    [`It is ${given}. Next`, true],
    [`see ${given}.evil.example now`, false],
    [`${given}@evil.example`, false],
    [`[${given}](x)`, false],
    [`${given}/x`, false],
    [`${given},evil.example/x`, false],
    [`${given},${given} x`, true],
    [`{"to":"${given}","cc":["${given}"]}`, true],
    [`\`\`\`json\n{"to":"${given}"}\n\`\`\``, true],
    [`{"to":"${given}.evil.example"}`, false],
    [`{"u":"//evil.example/?q=${given}"}`, false],
    [`{"u":"//evil.example/?q=","to":"${given}"}`, false],
    [`{${given}:"x"}`, false],
  ]
  for (const [text, isRestored] of restored) {
    const whole = made().whole(text)
    assert.equal(whole.includes('ada@corp'), isRestored, text)
    for (let cut = 0; cut <= text.length; cut++) {
      const stream = made()
      assert.equal(stream.push(text.slice(0, cut)) + stream.push(text.slice(cut)) + stream.end(), whole, text)
    }
    const letters = made()
    assert.equal([...text].map((letter) => letters.push(letter)).join('') + letters.end(), whole, text)
  }
})
