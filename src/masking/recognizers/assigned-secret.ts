import { alphanumeric, classOf, dot, hyphen, isOtherLetter, letter, lower, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { type SecretKind, secretKindOf } from './secret-names.ts'
import { isPlaceholder, isSaidPassword, isSecretValue } from './secret-values.ts'

const maxName = 48
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const maxValue = 256

/**
 * Passwords, keys and tokens by the name that they are given to, as in `db_password = "..."`, `"apiKey": "..."`,
 * `<token>...</token>`, `--token ...`: what looks chosen at random, and of passwords also what is no plain word. Variables,
 * masks and examples are none.
 */
export const assignedSecret: Recognizer = {
  types: ['SECRET'],
  openings: [
    ...['=?', ':?', '>?', 'is ', 'es ', 'ist', 'est', '("', "('", '(`', '--', '-u ', 'ENV', 'pas', 'Pas'],
    ...[...'"\'`'].flatMap((quote) => [`,${quote}`, `, ${quote}`]),
    ...[...alphabet].flatMap((character) => (character > '9' ? [`,${character}`, `-${character}`] : [`,${character}`])),
  ],
  unlessAfter: 0,
  maxLength: maxValue + 16,
  look(glance, at) {
    const code = glance.at(at)
    if (code === 45) lookAtDash(glance, at)
    else if (code === 44) lookAtComma(glance, at)
    else if (code === 62) lookAtElement(glance, at)
    else if (code === 69) lookAtInstruction(glance, at)
    else if ((code | 32) === 112) lookAtSpoken(glance, at)
    else if ((classOf(code) & lower) === 0) lookAtAssignment(glance, at)
    else if (glance.at(at - 1) === 32 && secretKindOf(nameBefore(glance, at)) === 'password') judgeSaid(glance, at)
  },
}

const nameClasses = alphanumeric | underscore | hyphen | dot

function lookAtAssignment(glance: Glance, at: number): void {
  const name = nameBefore(glance, at)
  if (name === '') return
  const kind = name.toLowerCase() === 'value' ? kindOfPair(glance, at) : secretKindOf(name)
  if (kind !== undefined) judge(glance, at, kind)
}

function nameBefore(glance: Glance, at: number): string {
  let end = at
  // `name :=`, `"name":`, `name?:`, `name']=`, `name .=`
  if (glance.at(at) === 61 && isOperator(glance.at(end - 1))) end--
  while (at - end < 6 && isBetween(glance.at(end - 1))) end--
  let start = startOfName(glance, end)
  // `name: string =`, `String name =`: what is assigned to stands before its type.
  if (isTypeName(glance.slice(start, end))) {
    end = start
    while (start - end < 3 && isBetween(glance.at(end - 1))) end--
    start = startOfName(glance, end)
  }
  const before = glance.at(start - 1)
  // What stands there was masked already, as [API_KEY:4be1...], or is a name before a password in a URL, or a part of an ARN.
  if (before === 91 || before === 47 || (before === 58 && end === at && glance.at(at) === 58 && glance.at(at + 1) !== 32)) return ''
  return glance.slice(start, end)
}

function startOfName(glance: Glance, end: number): number {
  let start = end
  while (end - start < maxName && isInName(glance.at(start - 1))) start--
  return start
}

// Names in code are ASCII; words before a password may be of any script.
function isInName(code: number): boolean {
  return (classOf(code) & nameClasses) !== 0 || isOtherLetter(code) || (code >= 0x3041 && code <= 0xd7a3)
}

function isTypeName(name: string): boolean {
  return name.length <= 6 && /^(?:string|str|text|char|var|any)$/i.test(name)
}

function isOperator(code: number): boolean {
  return code === 46 || code === 43 || code === 124
}

function isBetween(code: number): boolean {
  return code === 32 || code === 34 || code === 39 || code === 93 || code === 58 || code === 63 || code === 92 || code === 96
}

// `name="apiKey" value="..."`, `name: API_KEY, value: ...`: what the value is of stands before it.
function kindOfPair(glance: Glance, at: number): SecretKind | undefined {
  const before = glance.slice(at - 72, at)
  const name = /(?:name|key|id)["']?\s{0,2}[=:]\s{0,2}["']?([\w.-]{2,40})["']?[\s,-]{1,12}["']?value["' ]{0,2}$/i.exec(before)?.[1]
  return name === undefined ? undefined : secretKindOf(name)
}

// `--token ...`, `-ClientSecret ...`, `-u name:password`; with an equals sign it is an assignment.
function lookAtDash(glance: Glance, at: number): void {
  if ((classOf(glance.at(at - 1)) & (alphanumeric | hyphen)) !== 0) return
  const from = glance.at(at + 1) === 45 ? at + 2 : at + 1
  const end = endOfName(glance, from)
  if (end === from || (glance.at(end) !== 32 && glance.at(end) !== 61)) return
  const name = glance.slice(from, end)
  if (name === 'u' || name === 'user') lookAtUser(glance, end + 1)
  else if (glance.at(end) === 32 && name.length > 3) {
    const kind = secretKindOf(name)
    if (kind === 'password' || kind === 'key') judge(glance, end, kind)
  }
}

function endOfName(glance: Glance, from: number): number {
  let end = from
  while (end < from + maxName && (classOf(glance.at(end)) & nameClasses) !== 0) end++
  return end
}

// `curl -u name:password`; the name may be missing, and so may the password, then the name is a key.
function lookAtUser(glance: Glance, at: number): void {
  let from = at
  while (from < at + 3 && glance.at(from) === 32) from++
  const quote = isQuote(glance.at(from)) ? glance.at(from++) : -1
  let colon = -1
  let end = from
  for (; end < from + maxValue && isInUser(glance.at(end), quote); end++) if (glance.at(end) === 58 && colon === -1) colon = end
  // `"name":"password"`
  if (quote !== -1 && colon === -1 && glance.at(end + 1) === 58) colon = ++end
  if (colon === -1) return
  let first = colon + 1
  if (end <= first && (quote === -1 || end === colon) && isQuote(glance.at(first))) {
    const own = glance.at(first++)
    for (end = first; end < first + maxValue && isInUser(glance.at(end), own); ) end++
  }
  if (end === first) {
    const key = glance.slice(from, colon)
    if (isSecretValue(key, 'key', { isQuoted: true, isEqual: false })) glance.found('SECRET', from, colon, 0.7)
    return
  }
  const password = glance.slice(first, end)
  if (password.length > 4 && !isPlaceholder(password) && !/^[A-Z]?[a-z_]+$|^[A-Z_]+$|\$\{|\$\(/.test(password))
    glance.found('SECRET', first, end, 0.7)
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39
}

function isInUser(code: number, quote: number): boolean {
  return quote === -1 ? isInValue(code, -1) : code >= 32 && code !== quote && code !== 92
}

// `apiToken,a1b2...,` in a table, `("apiToken", "a1b2...")` in a call.
function lookAtComma(glance: Glance, at: number): void {
  const next = glance.at(at + 1)
  const isSpaced = next === 32
  const first = isSpaced ? glance.at(at + 2) : next
  const isQuoted = first === 34 || first === 39 || first === 96
  if (!isQuoted && (isSpaced || (classOf(first) & alphanumeric) === 0)) return
  const before = glance.at(at - 1)
  if (isQuoted ? before !== 34 && before !== 39 && before !== 96 : (classOf(before) & letter) === 0) return
  const name = nameBefore(glance, at)
  if (name === '' || name.length < 5) return
  const kind = secretKindOf(name)
  if (kind === undefined) return
  let from = at + (isSpaced ? 2 : 1)
  if (isQuoted) from++
  const end = endOfValue(glance, from, isQuoted ? first : -1)
  const value = glance.slice(from, end)
  // A list has names behind names.
  if (
    /\d/.test(value) &&
    !/^[A-Za-z]+\d{0,3}$/.test(value) &&
    isSecretValue(value, kind === 'password' ? 'vendor' : kind, { isQuoted: false, isEqual: false })
  )
    glance.found('SECRET', from, end, 0.65)
}

// `<apiToken>...</apiToken>`
function lookAtElement(glance: Glance, at: number): void {
  if ((classOf(glance.at(at - 1)) & alphanumeric) === 0) return
  const start = startOfName(glance, at)
  if (glance.at(start - 1) !== 60 && glance.at(start - 1) !== 58) return
  const kind = secretKindOf(glance.slice(start, at))
  if (kind === undefined) return
  const from = behindWhiteSpace(glance, at + 1, 24)
  let end = from
  while (end < from + maxValue && isInValue(glance.at(end), -1)) end++
  if (glance.at(behindWhiteSpace(glance, end, 24)) !== 60) return
  if (isSecretValue(glance.slice(from, end), kind, { isQuoted: false, isEqual: true })) glance.found('SECRET', from, end, 0.7)
}

function behindWhiteSpace(glance: Glance, from: number, most: number): number {
  let index = from
  while (index < from + most && isWhiteSpace(glance.at(index))) index++
  return index
}

function isWhiteSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9
}

// `ENV API_TOKEN a1b2...` of a Dockerfile; with an equals sign it is an assignment.
function lookAtInstruction(glance: Glance, at: number): void {
  if (!glance.startsWith('ENV ', at) || (classOf(glance.at(at - 1)) & nameClasses) !== 0) return
  const end = endOfName(glance, at + 4)
  if (end === at + 4 || glance.at(end) !== 32) return
  const kind = secretKindOf(glance.slice(at + 4, end))
  if (kind !== undefined) judge(glance, end, kind)
}

// `login ada password Tr0ub4dor&3`: what stands there is one if nothing else is written so.
function lookAtSpoken(glance: Glance, at: number): void {
  if (glance.at(at + 2) !== 115 || glance.at(at + 3) !== 115 || (classOf(glance.at(at - 1)) & nameClasses) !== 0) return
  const end = endOfName(glance, at)
  if (glance.at(end) !== 32 || secretKindOf(glance.slice(at, end)) !== 'password') return
  const last = endOfValue(glance, end + 1, -1)
  if (isSaidPassword(glance.slice(end + 1, last), false)) glance.found('SECRET', end + 1, last, 0.6)
}

// `my password is hunter2`: what stands there is one if it is no word.
function judgeSaid(glance: Glance, at: number): void {
  let from = at
  while (from < at + 3 && (classOf(glance.at(from)) & lower) !== 0) from++
  if (glance.at(from++) !== 32) return
  const quote = glance.at(from) === 34 || glance.at(from) === 39 || glance.at(from) === 96 ? glance.at(from++) : -1
  const end = endOfValue(glance, from, quote)
  if (isSaidPassword(glance.slice(from, end), true)) glance.found('SECRET', from, end, 0.65)
}

function endOfValue(glance: Glance, from: number, quote: number): number {
  let end = from
  while (end < from + maxValue && isInValue(glance.at(end), quote)) end++
  if (quote === -1) while (end > from && isTrailing(glance.at(end - 1))) end--
  return end
}

const schemes: readonly string[] = ['Bearer ', 'bearer ', 'Basic ', 'basic ', 'token ', 'Token ', 'Api-Token ', 'ApiKey ', 'Key ', 'OAuth ', 'SSWS ']

function judge(glance: Glance, at: number, kind: SecretKind): void {
  let from = at + 1
  while (from < at + 5 && (glance.at(from) === 61 || glance.at(from) === 62 || glance.at(from) === 126)) from++
  const gap = from
  while (from < gap + 6 && (glance.at(from) === 32 || glance.at(from) === 9)) from++
  // The block of YAML: the value stands on the next line.
  if (glance.at(at) === 58 && (glance.at(from) === 124 || glance.at(from) === 62)) {
    if (glance.at(++from) === 45 || glance.at(from) === 43) from++
    if (!isWhiteSpace(glance.at(from))) return
    from = behindWhiteSpace(glance, from, 24)
  }
  // Quotes, also escaped ones of a text within a text, and the words before a token.
  let quote = -1
  const prefix = glance.at(from)
  const isPrefixed =
    (prefix === 98 || prefix === 114 || prefix === 117 || prefix === 102) && (glance.at(from + 1) === 34 || glance.at(from + 1) === 39)
  if (prefix === 92 || isPrefixed) from++
  if (glance.at(from) === 34 || glance.at(from) === 39 || glance.at(from) === 96) quote = glance.at(from++)
  if ((classOf(glance.at(from)) & letter) !== 0)
    for (const scheme of schemes)
      if (glance.startsWith(scheme, from)) {
        from += scheme.length
        break
      }
  const end = endOfValue(glance, from, quote)
  if (quote !== -1 && end < from + maxValue && glance.at(end) !== quote && glance.at(end) !== 92) return
  if (isSecretValue(glance.slice(from, end), kind, { isQuoted: quote !== -1, isEqual: glance.at(at) === 61 })) glance.found('SECRET', from, end, 0.7)
}

function isInValue(code: number, quote: number): boolean {
  if (quote !== -1) return code >= 32 && code !== quote && code !== 92
  return (
    code > 32 && code !== 34 && code !== 39 && code !== 96 && code !== 44 && code !== 59 && code !== 38 && code !== 60 && code !== 62 && code !== 127
  )
}

function isTrailing(code: number): boolean {
  return code === 46 || code === 41 || code === 93 || code === 125 || code === 58
}
