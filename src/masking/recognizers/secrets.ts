import { alphanumeric, classOf, digit, dot, hyphen, type Recognizer, space, underscore, upper } from '../recognizer.ts'

const longestKey = 256
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
  maxLength: longestKey,
  look(glance, at) {
    for (const [prefix, classes, least] of byFirst.get(glance.at(at)) ?? []) {
      if (!glance.startsWith(prefix, at)) continue
      const from = at + prefix.length
      let end = from
      let seen = 0
      for (; end < at + longestKey; end++) {
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

const longestToken = 8192
const base64url = alphanumeric | underscore | hyphen

/** JSON Web Tokens in compact form (RFC 7515, RFC 7516): three to five parts, the first of them a JSON object. */
export const jsonWebToken: Recognizer = {
  type: 'JWT',
  score: 0.95,
  triggers: 'e',
  openings: ['ey'],
  unlessAfter: base64url,
  reach: 0,
  maxLength: longestToken,
  look(glance, at) {
    if (!glance.startsWith('eyJ', at)) return
    const limit = at + longestToken
    let parts = 0
    let length = 0
    let payload = 0
    let index = at
    for (; index < limit; index++) {
      const bits = classOf(glance.at(index))
      if ((bits & base64url) !== 0) {
        length++
        continue
      }
      if ((bits & dot) === 0 || parts === 4 || (parts === 0 && length < 8)) break
      if (parts === 1) payload = length
      parts++
      length = 0
    }
    // The second part is empty only where a key is agreed on directly, in an encrypted token.
    if (parts < 2 || (payload === 0 && parts < 4)) return
    // A full stop at the end of a sentence is no part of it.
    glance.found(at, length === 0 && parts > 2 ? index - 1 : index, jsonWebToken.score)
  },
}

const opening = '-----BEGIN '
const label = 'PRIVATE KEY'
const closing = '-----END '
const maxLabel = 40
const longestBlock = 8192

/**
 * Private keys in PEM and OpenPGP armour (RFC 7468, RFC 9580 section 6.2), from the opening to the closing line. A block
 * that does not close within 8,192 characters is taken that far: half a key is a key.
 */
export const privateKey: Recognizer = {
  type: 'PRIVATE_KEY',
  score: 1,
  triggers: '-',
  openings: ['--'],
  unlessAfter: hyphen,
  reach: 0,
  maxLength: longestBlock,
  look(glance, at) {
    if (!glance.startsWith(opening, at)) return
    let index = at + opening.length
    while (index < at + maxLabel && (classOf(glance.at(index)) & (upper | digit | space)) !== 0) index++
    if (!glance.slice(at, index).includes(label)) return
    const block = glance.slice(index, at + longestBlock)
    const close = block.indexOf(closing)
    if (close === -1) {
      glance.found(at, index + block.length, privateKey.score)
      return
    }
    // Everything is there, so it does not matter how much more was not.
    glance.touched = false
    index += close + closing.length
    const end = Math.min(index + maxLabel, at + longestBlock)
    while (index < end && (classOf(glance.at(index)) & (upper | digit | space)) !== 0) index++
    while (index < end && glance.at(index) === 45) index++
    glance.found(at, index, privateKey.score)
  },
}
