import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { reasonOf } from '../guard/errors.ts'
import { type Io, UsageError } from './io.ts'

const width = 30

/** A file that is read from its beginning as often as somebody asks, and a bar that shows how far that is. */
export interface MaskSource {
  /** Whether it says the same each time: a pipe does not. */
  readonly isFile: boolean
  pieces(): AsyncGenerator<Uint8Array, void, undefined>
}

/** @throws UsageError where it cannot be read */
export async function maskSource(path: string, io: Io): Promise<MaskSource> {
  const facts = await stat(path).catch((error: unknown) => {
    throw new UsageError(`'${path}' cannot be read: ${reasonOf(error)}`)
  })
  if (facts.isDirectory()) throw new UsageError(`'${path}' is a folder`)
  const isFile = facts.isFile()
  const total = isFile ? facts.size : undefined
  return {
    isFile,
    async *pieces() {
      let [read, shown] = [0, -1]
      for await (const piece of createReadStream(path)) {
        const bytes: unknown = piece
        if (!(bytes instanceof Uint8Array)) continue
        yield bytes
        read += bytes.length
        const step = total === undefined ? read >> 20 : Math.floor((read / total) * 100)
        if (step === shown) continue
        shown = step
        io.progress?.(total === undefined ? `${step} MB` : bar(step))
      }
    },
  }
}

function bar(percent: number): string {
  const done = Math.min(width, Math.round((percent / 100) * width))
  return `[${'#'.repeat(done)}${'.'.repeat(width - done)}] ${String(Math.min(100, percent)).padStart(3)} %`
}
