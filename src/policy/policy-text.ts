import { reasonOf } from '../guard/errors.ts'
import { parseJson } from '../payload/strict-json.ts'
import { PolicyError } from './policy-error.ts'

/** The longest text of a policy, in bytes, or in characters as it comes. */
export const maxPolicyLength: number = 8 * 1024 * 1024

// A byte order mark is left in, and JSON knows none (RFC 8259, section 8.1).
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text that came as bytes. @throws PolicyError `malformed` for bytes that are no UTF-8, `unavailable` for too many. */
export function textOf(source: string | Uint8Array, maxLength: number): string {
  if (source.length > maxLength) throw new PolicyError('unavailable', `the text is longer than ${maxLength}`)
  if (typeof source === 'string') return source
  try {
    return utf8.decode(source)
  } catch {
    throw new PolicyError('malformed', 'the text is not UTF-8')
  }
}

/**
 * Reads the JSON text of a policy in the strict form in which two readers cannot disagree (I-JSON, RFC 7493): no name twice in
 * an object, no `__proto__`, bounded. Whether it is a policy is for `policySet` to say.
 *
 * @throws PolicyError `malformed`; it says where, and quotes nothing.
 */
export function parsePolicyText(text: string): unknown {
  if (text.trim() === '') throw new PolicyError('malformed', 'the text is empty')
  try {
    return parseJson(text, { maxLength: Number.POSITIVE_INFINITY })
  } catch (error) {
    const reason = reasonOf(error)
    throw new PolicyError('malformed', reason.endsWith('this is not JSON') ? `${reason}${whereWrong(text)}` : reason)
  }
}

// The parser names a place only sometimes, and its message quotes the text: of that only the number is taken.
function whereWrong(text: string): string {
  try {
    JSON.parse(text)
    return ''
  } catch (error) {
    if (!(error instanceof SyntaxError)) return ''
    const position = Number(/ at position (\d+)/.exec(error.message)?.[1])
    if (position >= text.length || error.message.startsWith('Unexpected end')) return ': it ends too early'
    if (Number.isNaN(position)) return ''
    const before = text.slice(0, position).split('\n')
    return `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
  }
}
