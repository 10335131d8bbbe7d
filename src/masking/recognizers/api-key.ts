import { alphanumeric, classOf, digit, hyphen, underscore, upper } from '../characters.ts'
import type { Recognizer } from '../recognizer.ts'

const maxLength = 256
const word = alphanumeric | underscore
const token = word | hyphen

/** Prefixes that vendors give their keys, what follows them, and how much of it at least. Longer prefixes first. */
const formats: readonly (readonly [prefix: string, classes: number, least: number])[] = [
  ['sk-', token, 20],
  ['sk_live_', word, 16],
  ['sk_test_', word, 16],
  ['rk_live_', word, 16],
  ['rk_test_', word, 16],
  ['whsec_', alphanumeric, 24],
  ['ghp_', alphanumeric, 36],
  ['gho_', alphanumeric, 36],
  ['ghu_', alphanumeric, 36],
  ['ghs_', alphanumeric, 36],
  ['ghr_', alphanumeric, 36],
  ['github_pat_', word, 40],
  ['glpat-', token, 20],
  ['xoxa-', token, 10],
  ['xoxb-', token, 10],
  ['xoxp-', token, 10],
  ['xoxr-', token, 10],
  ['xoxs-', token, 10],
  ['xapp-', token, 20],
  ['AKIA', upper | digit, 16],
  ['ASIA', upper | digit, 16],
  ['AIza', token, 35],
  ['npm_', alphanumeric, 36],
  ['pypi-', token, 50],
  ['hf_', alphanumeric, 30],
  ['r8_', alphanumeric, 37],
  ['gsk_', alphanumeric, 40],
]

const byFirst = new Map<number, (typeof formats)[number][]>()
for (const format of formats) {
  const first = format[0].charCodeAt(0)
  byFirst.set(first, [...(byFirst.get(first) ?? []), format])
}

/** Keys with a prefix of their vendor: model, source code, cloud, payment and chat services. Of a longer one the first 256 characters. */
export const apiKey: Recognizer = {
  type: 'API_KEY',
  score: 0.95,
  triggers: [...byFirst.keys()].map((code) => String.fromCharCode(code)).join(''),
  openings: formats.map(([prefix]) => prefix.slice(0, 2)),
  unlessAfter: token,
  reach: 0,
  maxLength,
  look(glance, at) {
    for (const [prefix, classes, least] of byFirst.get(glance.at(at)) ?? []) {
      if (!glance.startsWith(prefix, at)) continue
      const from = at + prefix.length
      let end = from
      let seen = 0
      for (; end < at + maxLength; end++) {
        const bits = classOf(glance.at(end))
        if ((bits & classes) === 0) break
        seen |= bits
      }
      // Names such as sk-fading-circle-container are words.
      if (end - from >= least && (seen & (upper | digit)) !== 0) glance.found(at, end, apiKey.score)
      return
    }
  },
}
