import { storedEntries } from '../audit-log/file-entries.ts'

// It stands in every decision; in a text that only quotes it there would be backslashes.
const mark = '"kind":"decision"'

/**
 * The decision records of a log, in order. What is none is passed over without being read. Nothing is verified. An entry
 * that is no JSON is given as `undefined`, so that whoever counts can count it.
 */
export async function* decisionsIn(directory: string): AsyncGenerator<unknown> {
  for await (const { text } of storedEntries(directory)) if (text.includes(mark)) yield parsed(text)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
