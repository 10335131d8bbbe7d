import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { reasonOf } from '../guard/errors.ts'
import type { GuardDescription } from '../guard/guard.ts'
import { ContentError, jsonIn, readJson } from './json-file.ts'
import { UsageError } from './io.ts'

/** How long a module may take until its guard has described itself, in milliseconds. */
const patience = 30_000
const longest = 16 * 1024 * 1024

/**
 * What a guard says of itself, from JSON or from the module that exports it.
 *
 * @throws UsageError for a file that is not there, ContentError for one that describes no guard.
 */
export async function describedBy(path: string, name: string | undefined): Promise<GuardDescription> {
  const isJson = path.endsWith('.json')
  if (isJson && name !== undefined) throw new UsageError('--export: is for modules')
  const value = isJson ? await readJson(path) : await describedInModule(path, name)
  if (!isDescription(value)) throw new ContentError(`${path}: this is not what a guard's describe() gives`)
  return value
}

// Told over a pipe of its own, so that what the module prints is nobody's answer.
const describe = `
  const [url, name] = process.argv.slice(1)
  const { createWriteStream } = await import('node:fs')
  const tell = (said) => createWriteStream('', { fd: 3 }).end(JSON.stringify(said), () => process.exit(0))
  const isGuard = (value) => typeof value === 'object' && value !== null && typeof value.describe === 'function' && typeof value.use === 'function'
  try {
    const exported = await import(url)
    const names = Object.keys(exported).filter((each) => isGuard(exported[each]))
    const wanted = name === undefined ? names : names.filter((each) => each === name)
    if (wanted.length === 1) tell({ description: exported[wanted[0]].describe() })
    else if (name !== undefined) tell({ problem: 'exports no guard of that name' })
    else tell({ problem: names.length === 0 ? 'exports no guard' : 'exports several guards: say with --export which: ' + names.join(', ') })
  } catch (error) {
    tell({ problem: 'could not be loaded: ' + (error instanceof Error ? error.message : String(error)) })
  }`

async function describedInModule(path: string, name: string | undefined): Promise<unknown> {
  await access(path).catch((error: unknown) => {
    throw new UsageError(`'${path}' cannot be read: ${reasonOf(error)}`)
  })
  const url = pathToFileURL(resolve(path)).href
  const said = jsonIn(
    await told([...process.execArgv, '--input-type=module', '--eval', describe, '--', url, ...(name === undefined ? [] : [name])], path),
  )
  if (typeof said !== 'object' || said === null) throw new ContentError(`${path}: described nothing`)
  if ('problem' in said) throw new ContentError(`${path}: ${String(said.problem)}`)
  return 'description' in said ? said.description : undefined
}

/** What a process of this runtime writes to its third pipe; its other output goes to standard error. */
function told(args: readonly string[], path: string): Promise<Buffer> {
  return new Promise((resolve_, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', process.stderr, process.stderr, 'pipe'],
      timeout: patience,
      killSignal: 'SIGKILL',
    })
    const chunks: Buffer[] = []
    let length = 0
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > longest) child.kill('SIGKILL')
      else chunks.push(chunk)
    })
    child.on('error', reject)
    child.on('close', (_code, signal) => {
      if (signal !== null) reject(new ContentError(`${path}: did not describe its guard within ${patience / 1000} seconds`))
      else if (length === 0) reject(new ContentError(`${path}: ended before its guard was described`))
      else resolve_(Buffer.concat(chunks))
    })
  })
}

function isDescription(value: unknown): value is GuardDescription {
  if (typeof value !== 'object' || value === null) return false
  const { name, deadline, controls, codec }: Partial<GuardDescription> = value
  if (typeof name !== 'string' || typeof deadline !== 'number' || typeof codec !== 'string' || !Array.isArray(controls)) return false
  return controls.every((control: unknown) => {
    if (typeof control !== 'object' || control === null) return false
    const own: Partial<GuardDescription['controls'][number]> = control
    return (
      typeof own.name === 'string' &&
      typeof own.options === 'object' &&
      own.options !== null &&
      Array.isArray(own.adds) &&
      Array.isArray(own.fulfills)
    )
  })
}
