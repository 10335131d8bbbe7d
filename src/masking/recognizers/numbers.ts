import { alphanumeric, classOf, digit } from '../character-classes.ts'
import type { Glance } from '../recognizer.ts'

/**
 * Whether what begins here is only a later part of a longer thing: a group of a UUID, of a version, of an order number, of
 * an amount. A hyphen binds to letters and digits, other separators to digits. Behind a comma of a table a number begins.
 */
export function continuesNumber(text: string, at: number): boolean {
  if (at < 2) return false
  const before = text.charCodeAt(at - 1)
  if (before === 45) return (classOf(text.charCodeAt(at - 2)) & alphanumeric) !== 0
  if (before === 46 || before === 47) return (classOf(text.charCodeAt(at - 2)) & digit) !== 0
  return before === 44 && (classOf(text.charCodeAt(at - 2)) & digit) !== 0 && continuesAmount(text, at)
}

// Three digits, or decimals: of more, and of groups, an amount has none.
function continuesAmount(text: string, at: number): boolean {
  let end = at
  while (end < at + 4 && (classOf(text.charCodeAt(end)) & digit) !== 0) end++
  const next = text.charCodeAt(end)
  return end > at && end < at + 4 && !((next === 32 || next === 45 || next === 46) && (classOf(text.charCodeAt(end + 1)) & digit) !== 0)
}

/** Whether a number that ends here goes on as something longer: `-4f`, `.7`, `,50`, `_x`, a letter. */
export function isContinued(glance: Glance, end: number): boolean {
  const code = glance.at(end)
  if ((classOf(code) & alphanumeric) !== 0 || code === 95 || code === 64) return true
  if (code === 45) return (classOf(glance.at(end + 1)) & alphanumeric) !== 0
  if (code === 46 || code === 47 || code === 58) return (classOf(glance.at(end + 1)) & digit) !== 0
  return code === 44 && isAmount(glance, end)
}

// A comma and three digits behind three of them and a comma, or decimals that no further column follows.
function isAmount(glance: Glance, comma: number): boolean {
  let end = comma + 1
  while (end < comma + 5 && (classOf(glance.at(end)) & digit) !== 0) end++
  const digits = end - comma - 1
  if (digits === 0 || digits > 3) return false
  if (digits < 3) return glance.at(end) !== 44
  return (classOf(glance.at(comma - 4)) & digit) === 0 && glance.at(comma - 4) === 44
}
