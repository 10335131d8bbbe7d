import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '../../src/masking/context-words.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { masker } from '../../src/masking/masker.ts'
import { tokenForm } from '../../src/masking/pseudonym.ts'
import { classOf } from '../../src/masking/character-classes.ts'
import { Glance, type Recognizer } from '../../src/masking/recognizer.ts'
import { scannerOf } from '../../src/masking/scanner.ts'
import { scan } from '../../src/masking/scan.ts'

const shapes: readonly string[] = [
  ...[
    'a',
    'a.',
    'a@',
    'a@b.',
    '@',
    '@a.',
    'ab.cd@',
    'a-',
    'a@b-',
    '1',
    '1 ',
    '12',
    '123 ',
    '4111 ',
    '4111-',
    '1.',
    '1.1.1.',
    '+',
    '+1',
    '(',
    '(1',
    '(123) ',
    '00',
    '01 ',
    '0 ',
  ],
  ...[
    'DE89',
    'DE89 ',
    'GB82WEST',
    'e',
    'eyJ',
    'eyJa.',
    'eyJaaaaaaaa.',
    'eyJ-',
    'sk-',
    'sk-a',
    's',
    'ghp_',
    'AKIA',
    '-',
    '-----',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY',
  ],
  ...[
    '[',
    '<',
    '"',
    ' ',
    '\n',
    '\u200b',
    '4\u200b',
    '1\u200b',
    '１',
    'é',
    'é@',
    '🙂',
    'EMAIL',
    'EMAIL0',
    'email0123456789abcdef',
    'phone 1234567 ',
    'password=',
    'password: ',
    '=',
    ':',
    '::',
    'ab:',
    '://',
    'a://b:',
    'postgres://u:p',
    '1.5,',
    '48.8566, ',
    '5 May ',
    'born 1.1.',
    '0x',
    '1A',
    'AB 12 ',
    'bc1q',
    '\ud835\udfd2',
    '⑳',
    '"a@',
    '"',
    'A1',
    '1 A ',
    '//',
    'https://',
  ],
]

// Values that are nearly names, words or chains of members: what tells them apart must not try in many ways.
const values: readonly string[] = ['a', 'aB', 'A', 'a1', 'a_', 'a.', 'a-', 'aa:', 'Ab.', '1-', 'ab ', '$a.'].flatMap((part) => [
  `password="${part.repeat(40)}!" `,
  `api_key: ${part.repeat(80)}# `,
  `token = '${part.repeat(60)}\u00e9' `,
  `sk-${part.repeat(60)}! `,
  `https://user:${part.repeat(60)}!@host `,
])

test('every hostile shape ends, whole and in pieces', () => {
  for (const shape of values) scan(shape.repeat(Math.ceil(2 ** 12 / shape.length)), detectors.all)
  for (const shape of shapes) {
    const text = shape.repeat(Math.ceil(2 ** 16 / shape.length))
    scan(text, detectors.all)
    const stream = masker({ detect: detectors.all, mode: 'pseudonym' }).stream()
    for (let at = 0; at < 2 ** 13; at += 100) stream.push(text.slice(at, at + 100))
    stream.end()
  }
})

/** Counts looks. */
class CountingGlance extends Glance {
  looks = 0
  #contextAt = -1

  override at(index: number): number {
    this.looks++
    return super.at(index)
  }

  override word(index: number): number {
    this.looks += 10
    return super.word(index)
  }

  override context(index: number): Context {
    if (index !== this.#contextAt) this.looks += 64
    this.#contextAt = index
    return super.context(index)
  }

  override slice(start: number, end: number): string {
    this.looks += end - start
    return super.slice(start, end)
  }
}

// As the scanner does it.
function looksOf(recognizer: Recognizer, text: string): number {
  const glance = new CountingGlance()
  glance.open(text)
  const openings = new Set(recognizer.openings.map((opening) => opening.charAt(0)))
  let taken = 0
  for (let index = 0; index < text.length; index++) {
    if (index < taken || !openings.has(text.charAt(index))) continue
    if (index > 0 && (classOf(text.charCodeAt(index - 1)) & recognizer.unlessAfter) !== 0) continue
    glance.reset()
    recognizer.look(glance, index)
    if (glance.end > 0) taken = glance.end
  }
  return glance.looks
}

test('no recognizer looks at a character more than a bounded number of times, and twice the text is twice the work', () => {
  const recognizers = [...scannerOf(detectors.all).recognizers, tokenForm(['EMAIL', 'PHONE', 'CARD'])]
  for (const recognizer of recognizers)
    for (const shape of shapes) {
      const text = shape.repeat(Math.ceil(2 ** 12 / shape.length))
      const once = looksOf(recognizer, text)
      assert.ok(once <= text.length * 60, `${recognizer.types[0]} ${JSON.stringify(shape)}: ${once / text.length}`)
      assert.ok(looksOf(recognizer, text + text) <= once * 2.1 + 20_000, `${recognizer.types[0]} ${JSON.stringify(shape)}`)
    }
})
