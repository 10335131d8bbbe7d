import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

/** Where Debian and others keep PostgreSQL's programs; undefined where there are none. */
function programs(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, other) => Number(other) - Number(one)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** Whether a server can be started here. */
export const hasPostgres: boolean = programs() !== undefined

/** A PostgreSQL server of one's own. */
export interface PostgresServer {
  readonly url: string
  stop(): Promise<void>
}

/** Starts an empty server at a loopback address. It refuses to run as root, so then it runs as the user that its package made. */
export async function postgresServer(): Promise<PostgresServer> {
  const folder = programs()
  if (folder === undefined) throw new Error('there is no PostgreSQL: bash test/install-services.sh')
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-postgres-'))
  const user = process.getuid?.() === 0 ? { uid: numberOf('-u'), gid: numberOf('-g') } : {}
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  const data = join(directory, 'data')
  execFileSync(join(folder, 'initdb'), ['-D', data, '-U', 'sallyport', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'], {
    ...user,
    cwd: directory,
    stdio: 'pipe',
  })
  const port = await freePort()
  const settings = ['fsync=off', 'unix_socket_directories=', 'listen_addresses=127.0.0.1', 'max_connections=20'].flatMap((setting) => ['-c', setting])
  const server = spawn(join(folder, 'postgres'), ['-D', data, '-p', String(port), ...settings], { ...user, cwd: directory, stdio: 'ignore' })
  const url = `postgres://sallyport@127.0.0.1:${port}/postgres`
  await answering(url)
  return {
    url,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function numberOf(kind: '-u' | '-g'): number {
  return Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }))
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const client = new Client(url)
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      await client.end().catch(() => {})
      if (attempt === 150) throw error
      await sleep(100)
    }
  }
}
