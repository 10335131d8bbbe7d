import { SealedPart } from './control.ts'

/** Beyond so many values the rest of a part is not looked at. */
const maxValues = 256

/** About how much of a streamed answer a part is: the characters and bytes in it. Nothing is written out to know it. */
export function partSize(part: unknown): number {
  if (part instanceof SealedPart) return part.body.length
  return sizeOf(part, { left: maxValues })
}

function sizeOf(value: unknown, spent: { left: number }): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null || spent.left <= 0) return 1
  let size = 0
  for (const name in value) {
    if (--spent.left < 0) break
    size += name.length + sizeOf((value as Readonly<Record<string, unknown>>)[name], spent)
  }
  return size
}
