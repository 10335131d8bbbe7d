import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectors } from '../../src/masking/detectors.ts'
import { masker } from '../../src/masking/masker.ts'
import { tokenForm } from '../../src/masking/pseudonym.ts'
import { classOf, Glance, type Recognizer } from '../../src/masking/recognizer.ts'
import { email, phone } from '../../src/masking/recognizers/contact.ts'
import { ipAddress, usSsn } from '../../src/masking/recognizers/numbers.ts'
import { card, iban } from '../../src/masking/recognizers/payment.ts'
import { apiKey, jsonWebToken, privateKey } from '../../src/masking/recognizers/secrets.ts'
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
    '//',
    'https://',
  ],
]

test('every hostile shape ends, whole and in pieces', () => {
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

  override at(index: number): number {
    this.looks++
    return super.at(index)
  }

  override slice(start: number, end: number): string {
    this.looks += end - start
    return super.slice(start, end)
  }
}

// As the scanner does it.
function looksOf(recognizer: Recognizer, text: string): number {
  const glance = new CountingGlance()
  let taken = 0
  for (let index = 0; index < text.length; index++) {
    if (!recognizer.triggers.includes(text.charAt(index)) || index < taken) continue
    if (index > 0 && (classOf(text.charCodeAt(index - 1)) & recognizer.unlessAfter) !== 0) continue
    glance.reset(text)
    recognizer.look(glance, index)
    if (glance.end > 0) taken = glance.end
  }
  return glance.looks
}

test('no recognizer looks at a character more than a bounded number of times, and twice the text is twice the work', () => {
  const recognizers = [email, phone, card, iban, usSsn, ipAddress, apiKey, jsonWebToken, privateKey, tokenForm(['EMAIL', 'PHONE', 'CARD'])]
  for (const recognizer of recognizers)
    for (const shape of shapes) {
      const text = shape.repeat(Math.ceil(2 ** 12 / shape.length))
      const once = looksOf(recognizer, text)
      assert.ok(once <= text.length * 60, `${recognizer.type} ${JSON.stringify(shape)}: ${once / text.length}`)
      assert.ok(looksOf(recognizer, text + text) <= once * 2.1 + 20_000, `${recognizer.type} ${JSON.stringify(shape)}`)
    }
})
