import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Anchor } from '../../src/audit-log/audit-log.ts'
import { type FileLog, fileLog } from '../../src/audit-log/file-log.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

/** A log that somebody who has its key rolls back. */
export interface RolledBackLog {
  readonly directory: string
  readonly key: string
  /** Opens it as its own process does. */
  open(): Promise<FileLog>
  /** Puts an older copy back, of 5 entries where 9 were anchored. */
  rollBack(): void
  /** Writes other entries to what was put back, past what was anchored, and gives what was signed then. */
  growAgain(): Promise<string>
}

/** A log of 9 entries, all of them anchored. */
export async function rolledBackLog(context: TestContext, anchor: Anchor, origin = 'log'): Promise<RolledBackLog> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-rolled-back-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  const [directory, copy] = [join(root, 'log'), join(root, 'copy')]
  const signer = seededSigner(1)
  const open = (): Promise<FileLog> => fileLog(directory, { signer, origin, anchor, checkpointEvery: { seconds: 3_600 }, patience: 0 })
  const append = async (log: FileLog, from: number, to: number): Promise<void> => {
    for (let number = from; number < to; number++) await log.append(sampleRecord(number))
    await log.checkpoint()
  }
  const log = await open()
  await append(log, 0, 5)
  await log.close()
  cpSync(directory, copy, { recursive: true })
  const next = await open()
  await append(next, 5, 7)
  await append(next, 7, 9)
  await next.close()
  return {
    directory,
    key: log.key,
    open,
    rollBack() {
      rmSync(directory, { recursive: true })
      cpSync(copy, directory, { recursive: true })
    },
    async growAgain() {
      const forged = await fileLog(directory, { signer, origin, checkpointEvery: { seconds: 3_600 } })
      await append(forged, 100, 112)
      const { note = '' } = await forged.checkpoint()
      await forged.close()
      return note
    },
  }
}
