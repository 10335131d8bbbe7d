import { readFile } from 'node:fs/promises'
import { reasonOf } from '../guard/errors.ts'
import { endOfString, parseJson } from '../payload/strict-json.ts'
import { UsageError } from './io.ts'

/** A file that holds something else than it should; its message says what is wrong. */
export class ContentError extends Error {
  override readonly name: string = 'ContentError'
}

const maxLength = 64 * 1024 * 1024

/** Reads a JSON file strictly. @throws UsageError where it cannot be read, ContentError where it is not that. */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path)
  try {
    return jsonIn(bytes)
  } catch (error) {
    throw new ContentError(`${path}: ${reasonOf(error)}`)
  }
}

/** Reads a file. @throws UsageError where it cannot be read. */
export function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw new UsageError(`'${path}' cannot be read: ${reasonOf(error)}`)
  })
}

/** Strict JSON: UTF-8, no name twice in an object, no `__proto__`. @throws ContentError that says what is wrong. */
export function jsonIn(bytes: Buffer): unknown {
  try {
    return parseJson(bytes, { maxLength })
  } catch (error) {
    throw new ContentError(whatIsWrong(bytes, error))
  }
}

// The file is the caller's own: here the parser's words, which quote it, are what helps.
function whatIsWrong(bytes: Buffer, error: unknown): string {
  const text = bytes.toString()
  try {
    JSON.parse(text)
  } catch (syntax) {
    return syntax instanceof Error ? syntax.message : 'this is not JSON'
  }
  const twice = nameThatStandsTwice(text)
  return twice === undefined
    ? reasonOf(error)
    : `the name ${JSON.stringify(twice.name)} stands twice in one object, the second time in line ${twice.line}`
}

/** The first name of a JSON text that stands twice in its object. */
function nameThatStandsTwice(text: string): { readonly name: string; readonly line: number } | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = endOfString(text, at)
      const names = open.at(-1)
      if (names !== undefined && /^\s*:/.test(text.slice(end + 1, end + 256))) {
        const name: unknown = JSON.parse(text.slice(at, end + 1))
        if (typeof name === 'string' && names.has(name)) return { name, line: text.slice(0, at).split('\n').length }
        if (typeof name === 'string') names.add(name)
      }
      at = end
    }
  }
  return undefined
}
