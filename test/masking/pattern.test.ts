import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startsAnew, whySuperLinear } from '../../src/masking/linear-pattern.ts'
import { pattern } from '../../src/masking/pattern.ts'
import { found } from './found.ts'

test('A17: an expression that may take more than linear time is refused with the reason', () => {
  for (const regex of [
    /(a+)+$/,
    /(a*)*b/,
    /(a|a)*b/,
    /(a|ab|b)*c/,
    /(\w+\s?)*$/,
    /(\d?\d)+x/,
    /(\w*a)+x/,
    /([a-z]+)*\d/i,
    /(x+x+)+y/,
    /.*foo.*bar/,
    /\d+\d+x/,
    /\s*,?\s*x/,
    /(a{1,50}){1,50}b/,
    /(?:a?){40}a{40}/,
    /(.)\1+/,
    /(?<name>a)\k<name>/,
    /(?=(a+)+$)x/,
    /(ab)*(ab)*c/,
    /(?:\p{L}+)+x/u,
    /([a-z]|[^0-9])+x/,
    /(a+|b+c?)*d/,
  ]) {
    assert.notEqual(whySuperLinear(regex), undefined, String(regex))
    assert.throws(() => pattern({ name: 'X', regex, maxLength: 100 }), /faster than a text/)
  }
})

test('A17: an expression that may read a run from each of its characters on is taken for short findings only', () => {
  for (const regex of [/a+b/, /[a-z]+\d/, /\w+@\w+/, /<[^>]*>/, /(?:[a-z]+\.)+[a-z]{2,}\d/, /id=[^;]*;/, /x|\w+:/]) {
    assert.ok(startsAnew(regex), String(regex))
    assert.throws(() => pattern({ name: 'X', regex, maxLength: 513 }), /begin anew/)
    assert.equal(pattern({ name: 'X', regex, maxLength: 512 }).maxLength, 512)
  }
  for (const regex of [/-----BEGIN[^-]+-----/, /"[^"]*"/, /a+/, /https?:\/\/[^\s]+/, /\bEMP-\d{4,8}\b/, /#[0-9a-f]+;/, /x[a-c]*y/]) {
    assert.ok(!startsAnew(regex), String(regex))
    assert.equal(pattern({ name: 'X', regex, maxLength: 8192 }).maxLength, 8192)
  }
})

test('an ordinary expression is taken', () => {
  for (const regex of [
    /\bEMP-\d{4,8}\b/,
    /[A-Z]{2,3}-\d+/,
    /(?:\d{3}-){2}\d{4}/,
    /(?:[a-z]+\.)+[a-z]{2,}/,
    /\d+(?:\.\d+)?/,
    /https?:\/\/[^\s"]+/,
    /"[^"]*"/,
    /(?<=id=)\d+/,
    /cust_[0-9a-f]{24}/i,
    /(?:foo|bar)+/,
    /a+|1+|(?<=x)x+/g,
    /x*/,
    /(?:)/,
    /[\p{L}]+/u,
    new RegExp('[[a-z]--[aeiou]]+', ['v'].join()),
    /\u{1F600}+/u,
    /^\s*#.*$/m,
    /(?:\d+,)*\d+/,
  ])
    assert.equal(whySuperLinear(regex), undefined, String(regex))
})

test('words are found in any case, and not as parts of longer ones', () => {
  const project = pattern({ name: 'PROJECT', literal: ['Bluebird', 'Night Owl', 'C++', 'X-1', 'Blue'] })
  assert.deepEqual(found('bluebird, NIGHT OWL and C++, x-1; Bluebirds, blue', project), [
    'PROJECT bluebird',
    'PROJECT NIGHT OWL',
    'PROJECT C++',
    'PROJECT x-1',
    'PROJECT blue',
  ])
  assert.deepEqual(found('Bluebird', pattern({ name: 'P', literal: 'bluebird' })), ['P Bluebird'])
  for (const literal of ['', [], [''], [' '], [1], 1]) assert.throws(() => pattern({ name: 'P', literal: literal as string }), TypeError)
  assert.throws(() => pattern({ name: 'P', literal: 'x', regex: /x/ }), TypeError)
  assert.throws(() => pattern({ name: 'P' }), TypeError)
  assert.throws(() => pattern({ name: 'P', regex: /x/ }), TypeError)
})

test('letters that are one only where case and Unicode fold together do not hide a repeat that can be parted in many ways (A17)', () => {
  const beyond = '(?:\\w|\u017f)+x'
  for (const regex of [/(?:\u017f|s)+x/iu, /(?:ſ|s)+x/iu, new RegExp(beyond, 'iv')])
    assert.throws(() => pattern({ name: 'X', regex, maxLength: 100 }), TypeError)
  assert.ok(pattern({ name: 'X', regex: /(?:a|b)+x/iu, maxLength: 100 }))
})
