import type { Awaitable, Json } from '../guard/context.ts'

/** A JSON pointer (RFC 6901) in which `*` stands for every element of a list and every member of an object. */
export interface FieldPointer {
  /** As it was given. */
  readonly text: string
  readonly steps: readonly string[]
}

const maxSteps = 32

/**
 * Reads a pointer. A `*` that is a member's name cannot be spelled.
 *
 * @returns undefined for what is none, and for the pointer to the whole.
 */
export function parseFieldPointer(text: unknown): FieldPointer | undefined {
  if (typeof text !== 'string' || !text.startsWith('/') || text.length > 1024 || /~(?![01])/.test(text)) return undefined
  const steps = text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return steps.length > maxSteps || steps.includes('__proto__') ? undefined : { text, steps }
}

/**
 * What is put in place of a value; what does not change is given back as it is.
 *
 * @param place the pointer to this very value: with the index or the name for which `*` stands.
 */
export type Replace = (value: Json, place: string) => Awaitable<Json>

/** What became of a value, and at how many places the pointer pointed to something. */
export interface Mapped {
  readonly value: Json
  readonly places: number
}

/**
 * A frozen JSON value with other values where a pointer points to; whatever does not change is shared. One after the other, so
 * that a value with many fields does not start as many operations at once.
 */
export async function mapFields(value: Json, { steps }: FieldPointer, replace: Replace): Promise<Mapped> {
  let places = 0
  const path: string[] = []
  const visit = async (at: Json, depth: number): Promise<Json> => {
    const step = steps[depth]
    if (step === undefined) {
      places++
      return replace(at, pointerTo(path))
    }
    if (typeof at !== 'object' || at === null || at instanceof Uint8Array) return at
    if (isList(at)) {
      let changed: Json[] | undefined
      for (const index of step === '*' ? at.keys() : indexOf(step, at.length)) {
        const before = at[index] as Json
        path[depth] = String(index)
        const after = await visit(before, depth + 1)
        if (after === before) continue
        changed ??= [...at]
        changed[index] = after
      }
      return changed ?? at
    }
    const record = at as Readonly<Record<string, Json>>
    let changed: Record<string, Json> | undefined
    for (const name of step === '*' ? Object.keys(record) : Object.hasOwn(record, step) ? [step] : []) {
      const before = record[name] as Json
      path[depth] = name
      const after = await visit(before, depth + 1)
      if (after === before) continue
      changed ??= { ...record }
      changed[name] = after
    }
    return changed ?? at
  }
  return { value: await visit(value, 0), places }
}

// RFC 6901, section 3. One spelling for one place.
function pointerTo(path: readonly string[]): string {
  return path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value)
}

// RFC 6901, section 4: digits without a leading zero.
function indexOf(step: string, length: number): readonly number[] {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(step)) return []
  const index = Number(step)
  return index < length ? [index] : []
}
