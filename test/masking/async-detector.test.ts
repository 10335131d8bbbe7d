import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isGuardError } from '../../src/guard/errors.ts'
import { type AsyncDetector, AsyncDetectors } from '../../src/masking/async-detector.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { SlowTextMasker } from '../../src/masking/masker.ts'
import { Masking } from '../../src/masking/masking.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'
import { Sentences } from '../../src/masking/sentences.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const names: AsyncDetector = {
  types: ['PERSON'],
  find: async (text) =>
    Array.from(text.matchAll(/Ada|Bob|🙂/gu), ({ index, 0: name }) => ({ type: 'PERSON', start: index, end: index + name.length, score: 0.7 })),
}

function cutAt(text: string, cuts: readonly number[]): string[] {
  const borders = [0, ...cuts.filter((cut) => cut < text.length).sort((one, other) => one - other), text.length]
  return borders.slice(1).map((end, index) => text.slice(borders[index], end))
}

function maskerOf(detector: AsyncDetector = names): SlowTextMasker {
  const treatment = new Masking({ detect: detectors.all, asyncDetect: detector, hidden: 'strip' }).input(new PseudonymScope('', undefined), 0)
  assert.ok(treatment.ask !== undefined)
  return new SlowTextMasker(treatment, treatment.ask)
}

const unit = fc.constantFrom(
  'Ada ',
  'Bob',
  '. ',
  '! ',
  '\n',
  '。',
  'bob@example.com',
  ' and ',
  'x',
  '🙂',
  '\ud83d',
  '3.5',
  '?',
  '\u200b',
  'word '.repeat(300),
  '.',
)

test('property: sentences are the same however a text was cut, and together they are the text', () => {
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), fc.array(fc.nat({ max: 3000 }), { maxLength: 6 }), (units, cuts) => {
      const text = units.join('')
      const whole = new Sentences().take(text, true)
      assert.equal(whole.join(''), text)
      for (const sentence of whole) assert.ok(sentence.length <= 2048 && sentence.length > 0)
      const pieces = new Sentences()
      assert.deepEqual([...cutAt(text, cuts).flatMap((piece) => pieces.take(piece, false)), ...pieces.take('', true)], whole)
    }),
  )
})

test('property: what is found later masks the same however a text was cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(unit, { maxLength: 20 }), fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), async (units, cuts) => {
      const text = units.join('')
      const stream = maskerOf()
      let out = ''
      for (const piece of cutAt(text, cuts)) out += await stream.push(piece)
      assert.equal(out + (await stream.end()), await maskerOf().whole(text))
    }),
  )
})

test('masks what it finds beside what detectors find, and holds back to the end of a sentence', async () => {
  assert.equal(await maskerOf().whole('Ada and bob@example.com. Hi Bob!'), '[PERSON] and [EMAIL]. Hi [PERSON]!')
  const stream = maskerOf()
  assert.equal(await stream.push('Hello Ada, how'), '')
  assert.equal(await stream.push(' are you? And'), 'Hello [PERSON], how are you? ')
  assert.equal(await stream.end(), 'And')
})

test('one that fails, is late or talks nonsense refuses, and nothing of the text is told', async () => {
  const clock = testClock()
  const code = async (detector: Partial<AsyncDetector>): Promise<string> => {
    const asked = new AsyncDetectors({ ...names, ...detector }).ask('Ada is here', clock)
    const over = asked.then(() => 'found')
    over.catch(() => {})
    // Whoever answers has by then.
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(2_000)
    try {
      return await over
    } catch (error) {
      assert.ok(isGuardError(error) && !JSON.stringify([error, String(error.cause)]).includes('Ada'))
      return error.code
    }
  }
  assert.equal(await code({}), 'found')
  assert.equal(await code({ find: () => new Promise(() => {}) }), 'deadline_exceeded')
  assert.equal(await code({ find: () => Promise.reject(new Error('Ada')) }), 'misconfigured')
  const thrown: AsyncDetector['find'] = () => {
    throw new Error('Ada')
  }
  assert.equal(await code({ find: thrown }), 'misconfigured')
  for (const span of [
    { type: 'PERSON', start: -1, end: 2 },
    { type: 'PERSON', start: 0, end: 12 },
    { type: 'PERSON', start: 0.5, end: 1 },
    { type: 'PERSON', start: 0, end: 1, score: 2 },
    { type: 'OTHER', start: 0, end: 1 },
  ])
    assert.equal(await code({ find: async () => [span] }), 'misconfigured')
  const many = Array.from({ length: 20 }, () => ({ type: 'PERSON', start: 0, end: 1 }))
  assert.equal(await code({ find: async () => many }), 'misconfigured')
  let signal: AbortSignal | undefined
  await code({
    find: (_text, given) => {
      signal = given
      return new Promise(() => {})
    },
  })
  assert.equal(signal?.aborted, true)
})

test('wrong options are refused when they are given', () => {
  for (const wrong of [
    {},
    { types: [] },
    { types: ['person'] },
    { types: ['X'], find: 1 },
    { ...names, deadline: 0 },
    { ...names, deadline: Number.NaN },
    null,
  ])
    assert.throws(() => new AsyncDetectors(wrong as AsyncDetector), TypeError)
})
