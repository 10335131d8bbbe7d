import type { GuardDescription } from '../guard/guard.ts'

/**
 * How much a gap matters: `high` where calls go through that nobody verified, permitted or recorded; `medium` where an attack becomes
 * easier, or where something fails open; `low` where it depends on how the application is run.
 */
export type Severity = 'high' | 'medium' | 'low'

/** Something that a guard does not cover. */
export interface Gap {
  /** Stable, for tools: `no_masking`. */
  readonly code: string
  readonly severity: Severity
  /** The control it is about; null where there is none. */
  readonly control: string | null
  /** What is not covered, in a sentence. */
  readonly message: string
  /** What closes it. */
  readonly remedy: string
}

/** One control of a description. */
export type DescribedControl = GuardDescription['controls'][number]

/** What is told of a guard, as its gaps are looked for. */
export interface Described {
  readonly controls: readonly DescribedControl[]
  readonly gaps: Gap[]
}

/** The first control of a name, and all of them. */
export function controlOf({ controls }: Described, name: string): DescribedControl | undefined {
  return controls.find((control) => control.name === name)
}

/** A member of plain data that may be anything. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}

/** A list, or nothing. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Whether something keeps what it knows in the memory of one process. */
export function isInMemory(store: unknown): boolean {
  return member(store, 'kind') === 'memory'
}

/** Every object inside plain data that is of a kind, itself included. */
export function* ofKind(value: unknown, kind: string, depth = 8): Generator<object> {
  if (typeof value !== 'object' || value === null || depth === 0) return
  if (member(value, 'kind') === kind) yield value
  for (const inner of Object.values(value)) yield* ofKind(inner, kind, depth - 1)
}
