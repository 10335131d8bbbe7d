import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutputHistory } from '../../src/limits/output-history.ts'

/** Answers, the longest of them four times as long as the shortest. */
const answers = Array.from({ length: 100 }, (_, index) => Math.round(200 * 4 ** (((index * 37) % 100) / 100)))
const sorted = [...answers].sort((a, b) => a - b)

test('three in four answers are not longer than is expected, within a few parts in a hundred', () => {
  const history = new OutputHistory()
  const ada = history.habit('ada', 'm')
  for (const tokens of answers) history.learn(ada, tokens)
  const expected = history.expect(ada) ?? 0
  assert.ok(Math.abs(expected / (sorted[74] ?? 0) - 1) < 0.05, `${expected} and ${sorted[74]}`)
})

test('nothing is expected of whom too little is known, and nobody learns from others', () => {
  const history = new OutputHistory()
  const ada = history.habit('ada', 'm')
  assert.equal(history.expect(ada), undefined)
  for (let answer = 0; answer < 7; answer++) history.learn(ada, 500)
  assert.equal(history.expect(ada), undefined)
  history.learn(ada, 500)
  assert.ok((history.expect(ada) ?? 0) > 400)
  for (const other of [history.habit('ada', 'n'), history.habit('grace', 'm'), history.habit('adam', ''), history.habit('', 'adam')])
    assert.equal(history.expect(other), undefined)
})

test('what is expected follows what is learned', () => {
  const history = new OutputHistory()
  const ada = history.habit('ada', 'm')
  for (let answer = 0; answer < 1_000; answer++) history.learn(ada, 4_000)
  for (let answer = 0; answer < 600; answer++) history.learn(ada, 50)
  assert.ok((history.expect(ada) ?? 0) < 100)
})

test('the more calls are open, the closer the expectation comes to the mean; when they end it is as before', () => {
  const history = new OutputHistory()
  const ada = history.habit('ada', 'm')
  for (const tokens of answers) history.learn(ada, tokens)
  const mean = answers.reduce((sum, tokens) => sum + tokens, 0) / answers.length
  const alone = history.expect(ada) ?? 0
  let sum = 0
  for (let call = 0; call < 100; call++) {
    sum += history.expect(ada) ?? 0
    history.begin(ada)
  }
  assert.ok(sum / 100 < mean * 1.06 && sum / 100 > mean * 0.97, `${sum / 100} and ${mean}`)
  for (let call = 0; call < 100; call++) history.end(ada)
  history.end(ada)
  assert.equal(history.expect(ada), alone)
})

test('a flood of callers is bounded, and lengths that are none harm nobody', () => {
  const history = new OutputHistory()
  for (let caller = 0; caller < 50_000; caller++) history.learn(history.habit(`caller ${caller}`, 'm'), 100)
  const ada = history.habit('ada', 'm')
  for (let answer = 0; answer < 10; answer++) for (const tokens of [0, -5, 0.2, 1e12]) history.learn(ada, tokens)
  assert.ok((history.expect(ada) ?? 0) >= 1)
})
