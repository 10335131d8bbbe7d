import { startChild } from './child.ts'
import type { Runtime } from './runtimes.ts'

/** A runtime that is at hand. */
export interface Brought {
  readonly path: string
  readonly version: string
}

/**
 * Brings a runtime into npm's cache, and says where it is and which version it is.
 *
 * @throws Error where it cannot be brought, with what npm said.
 */
export async function bring({ from, command }: Runtime, folder: string, timeout: number): Promise<Brought> {
  // Brought by npx, and started without it: what is ended by way of npx would live on. npm says what is wrong also where
  // the one that runs this was told to be silent.
  const brought = ['--yes', '--loglevel=error', `--package=${from}`, '--call', `command -v ${command}`]
  // What is here already is not brought a second time.
  const isHere = from === undefined || from === `node@${process.versions.node}`
  const path = isHere ? (from === undefined ? command : process.execPath) : await firstLine('npx', brought, folder, timeout)
  const version = /\d[\w.-]*/.exec(await firstLine(path, ['--version'], folder, timeout))?.[0]
  if (version === undefined) throw new Error('it does not say which version it is')
  return { path, version }
}

async function firstLine(command: string, args: readonly string[], cwd: string, timeout: number): Promise<string> {
  let first: string | undefined
  const child = startChild(command, args, { cwd, timeout, onLine: (line) => (first ??= line.trim()) })
  const failure = await child.ended
  if (failure === undefined && first !== undefined && first !== '') return first
  throw new Error(`'${[command, ...args].join(' ')}': ${failure ?? 'it said nothing'}\n${child.said()}`.trim())
}
