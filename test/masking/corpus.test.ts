import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectors } from '../../src/masking/detectors.ts'
import { masker } from '../../src/masking/masker.ts'
import { scan } from '../../src/masking/scan.ts'
import { corpus, secondCorpus } from '../bench/masking/corpus.ts'

test('labelled texts mask the same however they are cut, and twice is once', () => {
  const { mask, stream } = masker({ detect: detectors.all })
  for (const { text } of [...corpus(11, 1), ...secondCorpus(11, 1)]) {
    const whole = mask(text)
    assert.equal(mask(whole), whole)
    for (const size of [1, 7]) {
      const pieces = stream()
      let out = ''
      for (let at = 0; at < text.length; at += size) out += pieces.push(text.slice(at, at + size))
      assert.equal(out + pieces.end(), whole)
    }
  }
})

const corpora = {
  'of labelled texts in eleven languages, logs, code and tool results': (seed: number) => corpus(seed, 3),
  'of texts of another kind, written after the detectors': (seed: number) => secondCorpus(seed, 3),
}

for (const [name, texts] of Object.entries(corpora))
  test(`${name} nearly all is found, and nearly nothing else is masked`, () => {
    for (const seed of [1, 2, 3]) {
      const counts = new Map<string, { right: number; missed: number; wrong: number }>()
      let innocent = 0
      let masked = 0
      for (const { text, labels } of texts(seed)) {
        const findings = scan(text, detectors.all)
        const count = (type: string): { right: number; missed: number; wrong: number } => {
          const known = counts.get(type) ?? { right: 0, missed: 0, wrong: 0 }
          counts.set(type, known)
          return known
        }
        for (const { type, start, end } of labels)
          if (findings.some((finding) => finding.type === type && finding.start < end && finding.end > start)) count(type).right++
          else count(type).missed++
        for (const { type, start, end } of findings)
          if (!labels.some((label) => label.type === type && label.start < end && label.end > start)) count(type).wrong++
        const own = new Set(labels.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index)))
        innocent += text.length - own.size
        for (const { start, end } of findings) for (let at = start; at < end; at++) if (!own.has(at)) masked++
      }
      for (const [type, { right, missed, wrong }] of counts) {
        const f1 = (2 * right) / (2 * right + missed + wrong)
        assert.ok(right + missed < 10 ? missed + wrong <= 1 : f1 > 0.95, `seed ${seed}, ${type}: ${right} right, ${missed} missed, ${wrong} wrong`)
      }
      assert.ok(masked / innocent < 0.001, `seed ${seed}: ${masked} of ${innocent}`)
    }
  })
