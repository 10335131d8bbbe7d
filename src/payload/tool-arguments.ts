import { GuardError } from '../guard/errors.ts'
import { jsonOf, objectOf, textIn } from './shape.ts'
import { endOfString, parseJson } from './strict-json.ts'
import { couldBeKey, isPlainName, type Shape, type Walk } from './walk.ts'

/** A token of a JSON text that can carry a text of its own. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly isName: boolean
}

// What has fewer digits identifies nobody: amounts, years, indexes.
const leastDigits = 7

/**
 * The arguments of a tool call: a string that holds JSON. Each string in it is a text, each member's name that is not a
 * plain one, and each number of seven digits or more, which may be a card's or a telephone's. Replacing rewrites these
 * tokens alone: what it gives is JSON again, and all the rest is as it was, to the last space. A number whose text is
 * replaced becomes a string.
 *
 * An empty string passes: it is how some models call a tool without arguments. Other text that is not strict JSON is
 * refused with `payload_invalid`, when the arguments are checked (`strict`) or when their texts are read.
 */
/* @__NO_SIDE_EFFECTS__ */
export function toolArguments(strict: boolean): Shape {
  return (value, walk) => {
    const json = textIn(value, walk)
    if (json === '' || (!strict && !walk.reads)) return json
    try {
      parseJson(json)
    } catch (error) {
      throw new GuardError('payload_invalid', { reason: 'the arguments of a tool call', cause: error })
    }
    return walk.reads ? visit(json, walk) : json
  }
}

/**
 * The arguments of a tool call as JSON values. Strings, odd names and long numbers are texts as in `toolArguments`, and a number
 * whose text is replaced becomes a string here too.
 */
export const argumentValues: Shape = jsonOf('arguments', (value, walk) => {
  const shown = String(value)
  if (shown.length < leastDigits || shown.replace(/\D/g, '').length < leastDigits) return value
  const after = walk.text(shown, 'arguments')
  return after === shown ? value : after
})

/** The same, of objects alone. */
export const argumentsObject: Shape = objectOf(argumentValues)

function visit(json: string, walk: Walk): string {
  let written = ''
  let done = 0
  let renamed = false
  const pieces = piecesOf(json)
  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index]
    if (piece === undefined) continue
    const after = walk.text(piece.text, 'arguments', `~${index}`)
    if (after === piece.text) continue
    written += json.slice(done, piece.start) + JSON.stringify(after)
    done = piece.end
    renamed ||= piece.isName
  }
  if (done === 0) return json
  written += json.slice(done)
  // Two names may have become one.
  if (renamed) parseJson(written)
  return written
}

// Of a text that is known to be JSON.
function piecesOf(json: string): Piece[] {
  const pieces: Piece[] = []
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index)
    if (code === 0x22) {
      const end = endOfString(json, index) + 1
      const literal = json.slice(index, end)
      const text = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1)
      const isName = isBeforeColon(json, end)
      if (!isName || !isPlainName(text) || couldBeKey(text)) pieces.push({ start: index, end, text, isName })
      index = end - 1
    } else if (isDigit(code) || code === 0x2d) {
      const start = index
      let digits = 0
      while (isNumeric(json.charCodeAt(index))) if (isDigit(json.charCodeAt(index++))) digits++
      if (digits >= leastDigits) pieces.push({ start, end: index, text: shownNumber(json.slice(start, index)), isName: false })
      index--
    }
  }
  return pieces
}

// As a number is read, so that a point or an exponent hides no digits; a whole one as it stands, since not every reader
// rounds the longest ones as we would.
function shownNumber(literal: string): string {
  return /^-?[0-9]+$/.test(literal) ? literal : String(Number(literal))
}

function isBeforeColon(json: string, from: number): boolean {
  let index = from
  for (let code = json.charCodeAt(index); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; ) code = json.charCodeAt(++index)
  return json.charCodeAt(index) === 0x3a
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

// Digits, sign, point and exponent.
function isNumeric(code: number): boolean {
  return isDigit(code) || code === 0x2d || code === 0x2b || code === 0x2e || code === 0x65 || code === 0x45
}
