// A folder as a reader of a guide has it: empty, with the package as it would be installed. Nothing is downloaded: what a guide
// installs is linked from what this repository has, and nothing else is there.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../package/build-package.ts'
import { isShown, type Step } from './guide.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly bin?: string | Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The package, built, in a folder of its own beside nothing but its own dependencies. */
export function packedPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-packed-'))
  const { dependencies = {} } = manifestOf(root)
  buildPackage(folder)
  cpSync(join(root, 'docs/policy.schema.json'), join(folder, 'docs/policy.schema.json'))
  for (const name of Object.keys(dependencies)) link(name, join(root, 'node_modules', name), folder)
  chmodSync(join(folder, 'dist/cli/main.js'), 0o755)
  return folder
}

/** What a reader's machine is made of. */
export interface CleanFolder {
  /** Does what the guide says. @throws Error where what happens is not what it shows. */
  follow(step: Step): Promise<void>
  /** Stops what still runs, and takes the folder away. */
  close(): Promise<void>
}

/** How long a command may take to print what a guide shows. Only ever waited for where it does not. */
const patience = 60_000

/**
 * @param packed The package, as `packedPackage` gives it.
 * @param environment What the guide asks its reader to have: the address of a server, say.
 */
export async function cleanFolder(packed: string, environment: Readonly<Record<string, string>> = {}): Promise<CleanFolder> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-guide-'))
  const running = new Set<ChildProcess>()
  const serving: ChildProcess[] = []
  const abandon = (): void => {
    for (const child of running) signal(child, 'SIGKILL')
  }
  process.once('exit', abandon)
  // Ports that guides name, and free ones in their place: a test may not have those to itself.
  const ports = new Map<string, string>()
  for (const port of ['8080', '8081', '9000']) ports.set(port, String(await freePort()))
  const here = (text: string): string =>
    text.replaceAll(/(?<=localhost:|127\.0\.0\.1:|PORT=|listen\(|port: )(?:8080|8081|9000)\b/g, (port) => ports.get(port) ?? port)
  const variables = join(folder, '.variables')

  const start = (commands: string): ChildProcess => {
    // What one block sets, the next one has, as in one terminal.
    const script = `[ ! -f ${variables} ] || . ${variables}\nset -a\nnpx() { command "node_modules/.bin/$@"; }\n${here(commands)}\nstatus=$?\n{ export -p; declare -f; } > ${variables}\nexit $status`
    const env = { PATH: process.env.PATH ?? '', HOME: folder, NO_COLOR: '1', ...environment }
    const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    running.add(child)
    child.once('close', () => running.delete(child))
    return child
  }

  const run = async (commands: string, shown: string | undefined, goesOn: boolean): Promise<void> => {
    const child = start(commands)
    if (goesOn) serving.push(child)
    let printed = ''
    const wanted = shown === undefined ? undefined : here(shown)
    await new Promise<void>((resolve, reject) => {
      const said = (why: string): Error => new Error(`${why}\n$ ${commands}\nprinted:\n${printed}\nwhere the guide shows:\n${wanted ?? ''}`)
      const timer = setTimeout(() => reject(said('nothing happened for too long')), patience)
      const end = (error?: Error): void => {
        clearTimeout(timer)
        if (error === undefined) resolve()
        else reject(error)
      }
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        printed += text
        if (goesOn && wanted !== undefined && isShown(wanted, printed)) end()
      })
      child.once('close', (code) => {
        if (goesOn) end(said('it ended'))
        else if (wanted === undefined ? code !== 0 : !isShown(wanted, printed)) end(said(`it ended with ${code}`))
        else end()
      })
    })
  }

  return {
    async follow(step) {
      if (step.kind === 'file') {
        mkdirSync(dirname(join(folder, step.title)), { recursive: true })
        writeFileSync(join(folder, step.title), here(step.content))
        return
      }
      if (step.kind === 'stop') return stop(serving.pop(), 'SIGINT')
      if (step.kind === 'serve' && step.shown === undefined) throw new Error(`nobody can tell when it has started: ${step.commands}`)
      const others = step.commands.split('\n').filter((line) => !install(line, folder, packed))
      if (others.some((line) => line.trim() !== '')) await run(others.join('\n'), step.shown, step.kind === 'serve')
    },
    async close() {
      process.off('exit', abandon)
      for (const child of running) await stop(child, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

// A terminal tells all that runs in it.
function signal({ pid }: ChildProcess, name: 'SIGINT' | 'SIGKILL'): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // It has ended by itself.
  }
}

async function stop(child: ChildProcess | undefined, name: 'SIGINT' | 'SIGKILL'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) throw new Error('there is nothing to stop')
  const ended = once(child, 'close')
  signal(child, name)
  const late = setTimeout(() => signal(child, 'SIGKILL'), patience)
  await ended
  clearTimeout(late)
}

/** Does by hand what such a line would do over the network. False for any other line. */
function install(line: string, folder: string, packed: string): boolean {
  if (line === 'npm init -y && npm pkg set type=module') {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
    return true
  }
  const names = /^npm install ((?:[\w@/.-]+ ?)+)$/.exec(line)?.[1]?.trim().split(' ')
  if (names === undefined) return false
  for (const name of names) link(name, name === 'sallyport' ? packed : join(root, 'node_modules', name), folder)
  return true
}

function link(name: string, from: string, folder: string): void {
  if (!existsSync(from)) throw new Error(`this repository has no ${name} to install`)
  const target = join(folder, 'node_modules', name)
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(from, target)
  const { bin = {} } = manifestOf(from)
  const commands = typeof bin === 'string' ? { [name.split('/').at(-1) ?? name]: bin } : bin
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  for (const [command, path] of Object.entries(commands)) symlinkSync(realpathSync(join(from, path)), join(folder, 'node_modules/.bin', command))
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
