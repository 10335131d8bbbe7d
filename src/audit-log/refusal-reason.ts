import { isGuardError } from '../guard/errors.ts'

const maxLength = 1_000

/**
 * What the log says of why something was refused or failed. A refusal's own reason was written for it. Any other message
 * was not: a parser quotes what it could not read, a vendor's client quotes prompts and keys. Such errors appear by name
 * and code.
 */
export function reasonIn(error: unknown): string | undefined {
  const parts: string[] = []
  let current = error
  let isReason = false
  for (let depth = 0; depth < 4 && current !== undefined; depth++) {
    if (isGuardError(current)) {
      if (depth > 0) parts.push(current.code)
      isReason = true
    } else {
      parts.push(isReason && isPlain(current) ? current.message : nameOf(current))
      isReason = false
    }
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.length === 0 ? undefined : parts.join(': ').slice(0, maxLength)
}

function isPlain(error: unknown): error is Error {
  return error instanceof Error && Object.getPrototypeOf(error) === Error.prototype
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`
  const name = /^[A-Za-z][\w.]{0,63}$/.test(error.name) ? error.name : 'Error'
  return 'code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(error.code) ? `${name} ${error.code}` : name
}
