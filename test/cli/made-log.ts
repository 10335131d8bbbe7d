import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import type { AuditRecord } from '../../src/audit-log/record.ts'
import type { Io } from '../../src/cli/io.ts'
import { main } from '../../src/cli/run.ts'

/** What a command said, and how it ended. */
export interface Said {
  readonly code: number
  readonly out: string
  readonly error: string
  /** What it wrote as it is. */
  readonly written: string
}

/** Runs a command in this process. */
export async function run(...argv: string[]): Promise<Said> {
  const lines: { out: string[]; error: string[] } = { out: [], error: [] }
  let written = ''
  const io: Io = {
    out: (text) => void lines.out.push(text),
    error: (text) => void lines.error.push(text),
    write: async (text) => void (written += text),
  }
  const code = await main(argv, io)
  return { code, out: lines.out.join('\n'), error: lines.error.join('\n'), written }
}

/** Whether a terminal would only show it. */
export function isHarmless({ out, error }: Pick<Said, 'out' | 'error'>): boolean {
  return !/[\p{Cc}\p{Cf}]/u.test(`${out}${error}`.replaceAll('\n', ''))
}

/** A folder with a log, its key file, its anchor and its verifier key in a file. */
export interface MadeLog {
  readonly folder: string
  readonly log: string
  readonly keyFile: string
  readonly anchor: string
  readonly verifierKey: string
  readonly verifierKeyFile: string
  remove(): Promise<void>
}

/** Makes a log of these records. */
export async function madeLog(records: readonly AuditRecord[]): Promise<MadeLog> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-cli-'))
  const made = {
    folder,
    log: join(folder, 'log'),
    keyFile: join(folder, 'log.key'),
    anchor: join(folder, 'anchor'),
    verifierKeyFile: join(folder, 'log.vkey'),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
  const log = await fileLog(made.log, { signer: await fileSigner(made.keyFile), origin: 'bot', anchor: fileAnchor(made.anchor) })
  await Promise.all(records.map((record) => log.append(record)))
  await log.close()
  await writeFile(made.verifierKeyFile, `${log.key}\n`)
  return { ...made, verifierKey: log.key }
}

/** A copy of a log in which one byte of one file is another. */
export async function withOneByteChanged(made: MadeLog, file: string): Promise<string> {
  const copy = join(made.folder, `tampered-${Math.random().toString(36).slice(2)}`)
  await cp(made.log, copy, { recursive: true })
  const path = join(copy, file)
  const bytes = await readFile(path)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
  return copy
}
