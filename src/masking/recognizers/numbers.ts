import { alphanumeric, classOf, digit } from '../character-classes.ts'
import type { Glance } from '../recognizer.ts'

/**
 * Whether what begins here is only a later part of a longer thing: a group of a UUID, of a version, of an order number.
 * A hyphen binds to letters and digits, other separators to digits.
 */
export function continuesNumber(text: string, at: number): boolean {
  if (at < 2) return false
  const before = text.charCodeAt(at - 1)
  if (before === 45) return (classOf(text.charCodeAt(at - 2)) & alphanumeric) !== 0
  if (before === 46 || before === 47 || before === 44) return (classOf(text.charCodeAt(at - 2)) & digit) !== 0
  return false
}

/** Whether a number that ends here goes on as something longer: `-4f`, `.7`, `_x`, a letter. */
export function isContinued(glance: Glance, end: number): boolean {
  const code = glance.at(end)
  if ((classOf(code) & alphanumeric) !== 0 || code === 95 || code === 64) return true
  if (code === 45) return (classOf(glance.at(end + 1)) & alphanumeric) !== 0
  if (code === 46 || code === 47 || code === 44 || code === 58) return (classOf(glance.at(end + 1)) & digit) !== 0
  return false
}
