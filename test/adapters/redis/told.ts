import { setTimeout } from 'node:timers/promises'
import type { StateStore } from '../../../src/state/state-store.ts'

/** What a store has told. */
export interface Told {
  /** All it was told, and the keys among it. */
  readonly all: string[]
  readonly keys: string[]
  /** When something was told for the first time, as when a connection is made. */
  readonly first: Promise<void>
  stop(): void
}

export function told(store: StateStore): Told {
  let tell = (): void => {}
  const first = new Promise<void>((resolve) => {
    tell = resolve
  })
  const all: string[] = []
  const keys: string[] = []
  const stop = store.subscribe((key) => {
    all.push(key)
    if (key !== '') keys.push(key)
    tell()
  })
  return { all, keys, first, stop }
}

/** Waits until something is so; not for ever. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 6_000) throw new Error(`never so: ${holds}`)
    await setTimeout(5)
  }
}
