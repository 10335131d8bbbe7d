/** A text in a row that a database gave. */
export function textIn(row: unknown, name: string): string {
  const value = typeof row === 'object' && row !== null ? (row as Readonly<Record<string, unknown>>)[name] : undefined
  if (typeof value !== 'string') throw new Error(`the database gave no ${name}`)
  return value
}

/** A number in a row, asked for as text: clients differ in what they make of a `bigint`. */
export function numberIn(row: unknown, name: string): number {
  return Number(textIn(row, name))
}
