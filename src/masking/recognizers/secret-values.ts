import { classOf, digit, lower, upper } from '../character-classes.ts'
import type { SecretKind } from './secret-names.ts'

/** Whether this stands in the place of a secret: a variable, a mask, an example. */
export function isPlaceholder(value: string): boolean {
  return stands.test(value) || isRepeated(value) || placeholders.test(value)
}

// As a whole: masks, and what begins like a variable or a template.
const stands = /^(?:[*x•.#-]+|\$.*|\{.*|<.*|\[.*|%.*%|%s|:.*|@.*|&.*)$/i
const placeholders =
  /^(?:password|passwd|pass|pwd|secret|token|key|changeme|change-me|change_me|changeit|placeholder|redacted|dummy|null|undefined|none|nil|true|false|string|required|optional|todo|tbd|n\/a|empty|test|testing|example|sample|default|user|username|foo|bar|foobar|value|yyy)$|^(?:your|my|some|the|insert|replace|enter|example|sample|fake|dummy|change)[-_. ]|^your|(?:[-_.]here|_example|-example|placeholder|redacted|x{6,}|\*{3,}|\.{3})|\$\{|\{\{|<[a-z]|process\.env|os\.environ|getenv|^ENC\[|(?:client[-_]secret|api[-_]key|access[-_]token|secret[-_]key)$|abcdefghijklmnop|^(?:changeme|password)\d{0,3}$/i

// The same one or two characters again and again.
function isRepeated(value: string): boolean {
  for (let index = 2; index < value.length; index++) if (value.charCodeAt(index) !== value.charCodeAt(index - 2)) return false
  return value.length > 3
}

/** How a value is written: within quotes, and behind an equals sign. */
interface Written {
  readonly isQuoted: boolean
  readonly isEqual: boolean
}

/** Whether a value that a name of this kind is given is a secret. */
export function isSecretValue(value: string, kind: SecretKind, { isQuoted, isEqual }: Written): boolean {
  if (value.length < 6 || isPlaceholder(value)) return false
  const seen = classesIn(value)
  if (kind === 'password')
    return !isCode(value, seen) && (isQuoted || isEqual || value.length >= 8 || seen.digits > 0) && isNoWord(value, seen, isQuoted && isEqual)
  return isRandom(value, seen, kind, isQuoted)
}

/** Whether a word behind "password is", or just behind "password", is one: letters and digits, or more. */
export function isSaidPassword(value: string, isCertain: boolean): boolean {
  const seen = classesIn(value)
  const { digits, lowers, uppers, others } = seen
  if (value.length < 6 || value.length > 64 || digits === 0 || lowers + uppers === 0 || isPlaceholder(value) || isCode(value, seen)) return false
  if (isCertain) return true
  return (
    value.length >= 8 && !/^[A-Za-z]+-?\d{1,4}$/.test(value) && (others > 0 || (lowers > 0 && uppers > 0)) && !isVersion(value) && !isWords(value)
  )
}

function isRandom(value: string, seen: Seen, kind: SecretKind, isQuoted: boolean): boolean {
  if (
    value.length < (kind === 'key' ? 10 : 14) ||
    !(kind === 'key' ? (isQuoted ? /^[!-~]+$/ : /^[\w+/=.~!$%^&*:@|-]+$/) : /^[\w+/.~-]+={0,2}$/).test(value) ||
    isCode(value, seen) ||
    isVersion(value)
  )
    return false
  if (seen.digits === 0 && !(value.length >= 14 && seen.uppers > 2 && seen.lowers > 2 && !isCamelCase(value))) return false
  if (kind === 'vendor' && /^[\da-f]{8}-[\da-f]{4}-/i.test(value)) return false
  if (seen.digits === value.length) return kind === 'key' && value.length >= 16
  return entropyOf(value) >= (value.length >= 32 ? 3 : value.length >= 16 ? 2.8 : 2.6) && !isWords(value)
}

interface Seen {
  readonly digits: number
  readonly lowers: number
  readonly uppers: number
  readonly others: number
}

function classesIn(value: string): Seen {
  let digits = 0
  let lowers = 0
  let uppers = 0
  for (let index = 0; index < value.length; index++) {
    const bits = classOf(value.charCodeAt(index))
    if ((bits & digit) !== 0) digits++
    else if ((bits & lower) !== 0) lowers++
    else if ((bits & upper) !== 0) uppers++
  }
  return { digits, lowers, uppers, others: value.length - digits - lowers - uppers }
}

// What people type as a password: more than letters, or letters that no program would write there.
function isNoWord(value: string, { digits, lowers, uppers, others }: Seen, isLiteral: boolean): boolean {
  if (/\s.*\s.*\s/.test(value) || (/\s/.test(value) && !(isLiteral && digits > 0))) return false
  if (digits > 0 && lowers + uppers > 0) return true
  if (others > 0 && lowers + uppers > 0 && !/^[A-Za-z]+(?:[-_. :/][A-Za-z]+)*[.:!?]*$/.test(value)) return true
  if (digits === value.length) return digits >= 6
  return isLiteral && others === 0 && value.length >= 8 && !/^[A-Z]?[a-z]+$/.test(value)
}

// A call, a path, an address, an arrow, a name or members of something.
function isCode(value: string, seen: Seen): boolean {
  if (/^(?=.*\d)(?=.*[A-Z])(?=.*[!@#$%^&*])/.test(value)) return false
  if (/[(){}[\]]|^\.{1,2}\/|:\/\/|=>|->/.test(value)) return true
  // Base64 may begin like a path.
  if (value.startsWith('/')) return !value.endsWith('=') && (value.length < 24 || value.includes('/', 1))
  // A path, and a constant.
  if (seen.uppers === 0 && /^[\w.-]+(?:\/[\w.-]+){2,}$/.test(value)) return true
  if (/^[A-Z][A-Z\d]*(?:_[A-Z\d]{1,10})+$/.test(value)) return true
  if (seen.others === 0)
    return seen.digits === 0
      ? seen.lowers === value.length || seen.uppers === value.length || isCamelCase(value)
      : seen.uppers > 1 && isCamelCase(value)
  return isNames(value)
}

// Names with dots or underscores between them; where one of them looks chosen at random, none of it is a name.
function isNames(value: string): boolean {
  if (!/^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/.test(value)) return false
  return (
    value.split(/[._]/).every((part) => part.length < 20 || !/\d/.test(part) || isCamelCase(part)) &&
    (value.includes('.') || /^[A-Za-z_]+$/.test(value))
  )
}

// Words that were written together: `OpenAIProvider`, `getTokenV4Options`. What is chosen at random has few runs of small letters.
function isCamelCase(value: string): boolean {
  let inWords = 0
  let run = 0
  let digits = 0
  for (let index = 0; index <= value.length; index++) {
    const bits = classOf(value.charCodeAt(index))
    if ((bits & lower) !== 0) run++
    else {
      if (run >= 2) inWords += run
      run = 0
      if ((bits & digit) !== 0) digits++
    }
  }
  return digits <= Math.max(2, value.length / 9) && inWords >= value.length * 0.6
}

function isVersion(value: string): boolean {
  return /^v?\d+(?:\.\d+)+/.test(value) || /^\d{4}-\d\d-\d\d/.test(value)
}

// Words between separators, with a number at most.
function isWords(value: string): boolean {
  return /^(?:[A-Z]{2,}|[A-Z]?[a-z]+\d{0,3}|\d{1,8})(?:[-_./:](?:[A-Z]{2,}|[A-Z]?[a-z]+\d{0,3}|\d{1,8}))+$/.test(value)
}

/** Shannon's entropy of the characters of a text, in bits for each. */
function entropyOf(value: string): number {
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits
}
