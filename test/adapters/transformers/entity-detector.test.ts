import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entityDetector, type EntityDetectorOptions, type TokenClassifier } from '../../../src/adapters/transformers/index.ts'
import { isGuardError, reasonOf } from '../../../src/guard/errors.ts'
import { AsyncDetectors } from '../../../src/masking/async-detector.ts'
import { systemClock } from '../../../src/guard/clock.ts'

/** A pipeline as transformers.js types it: one text or several, and options. */
type Token = { entity: string; score: number; index: number; word: string; start?: number; end?: number }
type Group = { entity_group: string; score: number; word: string; start?: number; end?: number }
type Pipeline = (texts: string | string[], options?: { ignore_labels?: string[] }) => Promise<(Token | Group)[] | (Token | Group)[][]>

const answers =
  (answer: readonly unknown[]): TokenClassifier =>
  async () =>
    answer

function token(index: number, entity: string, word: string, score = 0.99): Token {
  return { entity, score, index, word }
}

/** What is masked, as the engine asks. */
async function masked(text: string, classify: TokenClassifier, options?: EntityDetectorOptions): Promise<string> {
  const spans = await new AsyncDetectors(entityDetector(classify, options)).ask(text, systemClock)
  let out = ''
  let done = 0
  for (const { type, start, end } of spans) {
    if (start < done) continue
    out += `${text.slice(done, start)}[${type}]`
    done = end
  }
  return out + text.slice(done)
}

async function reason(text: string, answer: unknown, options?: EntityDetectorOptions): Promise<string> {
  const error: unknown = await masked(text, async () => answer, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isGuardError(error) && error.code === 'misconfigured', String(error))
  assert.ok(!reasonOf(error).includes('Ada'))
  return reasonOf(error)
}

test('BERT: pieces of words, types, and no offsets, as transformers.js gives them', async () => {
  // Xenova/bert-base-NER
  const text = 'My name is Sarah Jessica Kowalski-O’Brien and I work for Acme Corp. in New York.'
  const answer = [
    token(4, 'B-PER', 'Sarah'),
    token(5, 'I-PER', 'Jessica'),
    token(6, 'I-PER', 'Ko'),
    token(7, 'I-PER', '##wal'),
    token(8, 'I-PER', '##ski'),
    token(9, 'I-PER', '-'),
    token(10, 'I-PER', 'O'),
    token(11, 'I-PER', '’'),
    token(12, 'I-PER', 'Brien'),
    token(17, 'B-ORG', 'Acme'),
    token(18, 'I-ORG', 'Corp'),
    token(21, 'B-LOC', 'New'),
    token(22, 'I-LOC', 'York'),
  ]
  assert.equal(await masked(text, answers(answer)), 'My name is [PERSON] and I work for [ORGANIZATION]. in [LOCATION].')
})

test('an uncased model, accents, and a word whose first piece the model left out', async () => {
  assert.equal(
    await masked('Frag JOSÉ MÜLLER.', answers([token(2, 'B-PER', 'jose'), token(3, 'I-PER', 'mu'), token(4, 'I-PER', '##ller')])),
    'Frag [PERSON].',
  )
  assert.equal(await masked('Meet Kowalski now', answers([token(3, 'I-PER', '##ski')])), 'Meet [PERSON] now')
  assert.equal(await masked('Jose\u0301 ist da', answers([token(1, 'B-PER', 'jose')])), '[PERSON] ist da')
  assert.equal(await masked('ΟΔΥΣΣΕΥΣ εδώ', answers([token(1, 'B-PER', 'οδυσσευς')])), '[PERSON] εδώ')
})

test('SentencePiece and byte-level tokens, with and without their marks', async () => {
  for (const words of [
    ['▁Ada', '▁Love', 'lace'],
    ['Ada', 'Love', 'lace'],
    ['ĠAda', 'ĠLove', 'lace'],
    [' Ada', ' Love', 'lace'],
  ]) {
    const answer = words.map((word, index) => token(index + 3, index === 0 ? 'B-PER' : 'I-PER', word))
    assert.equal(await masked('Call Ada Lovelace!', answers(answer)), 'Call [PERSON]!', words.join())
  }
  assert.equal(await masked('Call Ada', answers([token(1, 'B-PER', '▁'), token(2, 'I-PER', 'Ada')])), 'Call [PERSON]')
  assert.equal(await masked('Call Ada', answers([token(1, 'B-PER', '▁')])), 'Call Ada')
})

test('what a tokenizer could not write lies between what it could', async () => {
  assert.equal(
    await masked('Hi 𝓐𝓭𝓪 Lovelace!', answers([token(2, 'B-PER', '[UNK]'), token(3, 'I-PER', 'Love'), token(4, 'I-PER', '##lace')])),
    'Hi [PERSON]!',
  )
  assert.equal(await masked('Hi Ada 🙂🙂 bye', answers([token(2, 'B-PER', 'Ada'), token(3, 'I-PER', '\ufffd')])), 'Hi [PERSON] bye')
  assert.equal(
    await masked('Hi Ada 🙂 Lovelace', answers([token(2, 'B-PER', 'Ada'), token(3, 'I-PER', '<unk>'), token(4, 'I-PER', 'Lovelace')])),
    'Hi [PERSON]',
  )
  assert.match(await reason('Hi 🙂', [token(2, 'B-PER', '[UNK]')]), /not in the text/)
})

test('Chinese and Japanese: no more than what the model says', async () => {
  assert.equal(
    await masked(
      '我叫王小明，住在北京。',
      answers([token(3, 'B-PER', '王'), token(4, 'I-PER', '小'), token(5, 'I-PER', '明'), token(9, 'B-LOC', '北'), token(10, 'I-LOC', '京')]),
    ),
    '我叫[PERSON]，住在[LOCATION]。',
  )
  assert.equal(await masked('田中さんは', answers([{ entity_group: 'PER', score: 0.9, word: '田中' }])), '[PERSON]さんは')
})

test('without offsets every place of a name is masked, since nobody knows which was meant', async () => {
  assert.equal(
    await masked('Will Will Smith come? Will he?', answers([token(2, 'B-PER', 'Will'), token(3, 'I-PER', 'Smith')])),
    'Will [PERSON] come? Will he?',
  )
  assert.equal(await masked('May asked: may May go?', answers([token(5, 'B-PER', 'May')])), '[PERSON] asked: [PERSON] [PERSON] go?')
})

test('offsets are taken where there are some, and groups that were made already', async () => {
  const text = 'Will Will come?'
  assert.equal(await masked(text, answers([{ ...token(2, 'B-PER', 'Will'), start: 5, end: 9 }])), 'Will [PERSON] come?')
  assert.equal(await masked(text, answers([{ entity_group: 'PER', score: 0.8, word: 'Will', start: 5, end: 9 }])), 'Will [PERSON] come?')
  assert.equal(
    await masked('Meet Kowalski now', answers([{ entity_group: 'PER', score: 0.8, word: '##ski', start: 10, end: 13 }])),
    'Meet [PERSON] now',
  )
  assert.equal(await masked('O’Brien Ltd', answers([{ entity_group: 'ORG', score: 0.8, word: 'O ’ Brien Ltd' }])), '[ORGANIZATION]')
  assert.equal(await masked('Ada', answers([[{ entity_group: 'PER', score: 0.8, word: 'Ada', start: null, end: null }]])), '[PERSON]')
})

test('words that a pipeline put into one group, and that do not stand together, are found one by one', async () => {
  assert.equal(await masked('Ada met Bob.', answers([{ entity_group: 'PER', score: 0.9, word: 'Ada Bob' }])), '[PERSON] met [PERSON].')
  assert.match(await reason('Ada met Bob.', [{ entity_group: 'PER', score: 0.9, word: 'Ada Eve' }]), /not in the text/)
})

test('tokens of one entity go together, in the order of the text, and the best of them counts', async () => {
  const text = 'Ada Lovelace met Bob'
  const answer = [token(4, 'B-PER', 'Bob'), token(2, 'I-PER', 'Lovelace', 0.3), token(1, 'B-PER', 'Ada', 0.6)]
  assert.equal(await masked(text, answers(answer)), '[PERSON] met [PERSON]')
  assert.equal(await masked(text, answers(answer), { threshold: 0.7 }), 'Ada Lovelace met [PERSON]')
  // Two that touch are two.
  assert.equal(await masked('Ada Bob', answers([token(1, 'B-PER', 'Ada'), token(2, 'B-PER', 'Bob')])), '[PERSON] [PERSON]')
  assert.equal(await masked('Ada Bob', answers([token(1, 'S-PER', 'Ada'), token(2, 'U-PER', 'Bob')])), '[PERSON] [PERSON]')
})

test('labels become types: of common models, of the user, none, and never by an accident of objects', async () => {
  const all = ['PER', 'LOC', 'ORG', 'MISC'].map((label, index) => token(index * 2 + 1, `B-${label}`, ['Ada', 'Rome', 'Acme', 'Dutch'][index] ?? ''))
  assert.equal(await masked('Ada Rome Acme Dutch', answers(all)), '[PERSON] [LOCATION] [ORGANIZATION] Dutch')
  assert.equal(
    await masked('Ada Rome Acme Dutch', answers(all), { types: { PER: 'NAME', LOC: null, MISC: 'OTHER' } }),
    '[NAME] Rome [ORGANIZATION] [OTHER]',
  )
  assert.equal(await masked('Ada', answers([token(1, 'I-GIVENNAME', 'Ada')])), '[PERSON]')
  for (const label of ['LABEL_1', 'constructor', '__proto__', 'B-toString'])
    assert.match(await reason('Ada', [token(1, label, 'Ada')]), /no type is known/)
  assert.deepEqual(entityDetector(answers([]), { types: { X: 'BADGE' } }).types.includes('BADGE'), true)
})

test('an answer that cannot be read or found refuses, and tells nothing of the text', async () => {
  const good = token(1, 'B-PER', 'Ada')
  for (const answer of [
    undefined,
    null,
    'Ada',
    {},
    { entities: [good] },
    [null],
    ['Ada'],
    [{ ...good, entity: undefined }],
    [{ ...good, entity: '' }],
    [{ ...good, score: undefined }],
    [{ ...good, score: Number.NaN }],
    [{ ...good, score: 1.5 }],
    [{ ...good, score: '0.9' }],
    [{ ...good, word: undefined }],
    [{ ...good, index: undefined }],
    [{ ...good, index: 1.5 }],
    [{ ...good, start: 0 }],
    [{ ...good, start: 0, end: 99 }],
    [{ ...good, start: 3, end: 1 }],
    [{ ...good, start: -1, end: 1 }],
    [[good], [good]],
    [{ ...good, word: 'Eve' }],
    Array.from({ length: 1000 }, () => good),
  ])
    await reason('Hi Ada', answer)
  await assert.rejects(
    masked('Ada', () => Promise.reject(new Error('Ada'))),
    (error) => isGuardError(error) && !reasonOf(error).includes('Ada'),
  )
})

test('long texts are read in windows that overlap, and a name at a border is found', async () => {
  const asked: string[] = []
  const classify: TokenClassifier = async (text) => {
    asked.push(text)
    return [...text.matchAll(/\bAda\b/g)].map(({ index }, place) => ({ ...token(place * 2, 'B-PER', 'Ada'), start: index, end: index + 3 }))
  }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('Ada ', 'word ', 'x'.repeat(70), '🙂', 'longer words '), { maxLength: 120 }), async (parts) => {
      const text = parts.join('').slice(0, 2048)
      asked.length = 0
      assert.equal(await masked(text, classify, { window: 64 }), text.replaceAll(/\bAda\b/g, '[PERSON]'))
      for (const window of asked) assert.ok(window.length <= 64 && window.isWellFormed())
    }),
  )
})

test('takes a pipeline as it is typed, without a cast', () => {
  const pipeline: Pipeline = async () => []
  assert.equal(entityDetector(pipeline).deadline, 10_000)
})

test('wrong options are refused when the detector is made', () => {
  for (const options of [
    { threshold: 2 },
    { threshold: Number.NaN },
    { deadline: 0 },
    { window: 10 },
    { window: 4096 },
    { types: { PER: 'person' } },
    { types: [] },
    { labels: {} },
  ])
    assert.throws(() => entityDetector(answers([]), options as EntityDetectorOptions), TypeError)
  assert.throws(() => entityDetector({} as TokenClassifier), TypeError)
})
