import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'

// `REDIS_SERVER` names another one, such as a Valkey that is not in the path.
const candidates = [process.env.REDIS_SERVER ?? 'redis-server', 'valkey-server']
const binary = candidates.find((name) => spawnSync(name, ['--version']).status === 0)

/** Why tests that need a server are skipped; false where there is one. */
export const withoutRedis: string | false = binary === undefined ? 'no redis-server' : false

/** A real server of the test's own, on a free port of this machine, with nothing on its disk. */
export interface RedisServer {
  readonly port: number
  /** Stops it from answering, without closing a connection, and lets it go on. */
  pause(): void
  resume(): void
  /** Ends it without a word, and starts it again on the same port. It has forgotten everything. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it for good. */
  stop(): Promise<void>
}

export async function startRedis(...options: readonly string[]): Promise<RedisServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-redis-'))
  let child: ChildProcess | undefined
  // Not by way of the child: after a first signal Deno takes one for ended, and sends it no other.
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(child.pid, name)
  }
  const server: RedisServer = {
    port,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
    async start() {
      child = await run([
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        '--appendonly',
        'no',
        '--repl-diskless-sync-delay',
        '0',
        ...options,
      ])
    },
    async stop() {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** Several servers that are one cluster, each with a part of the slots. */
export async function startRedisCluster(size: number): Promise<readonly RedisServer[]> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no']
  const servers = await Promise.all(Array.from({ length: size }, async () => startRedis(...options, '--cluster-port', String(await freePort()))))
  const clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'))
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')))
  const slot = (index: number): number => Math.floor((16_384 * index) / size)
  await Promise.all(clients.map((client, index) => client.call('CLUSTER', 'ADDSLOTSRANGE', slot(index), slot(index + 1) - 1)))
  const buses = await Promise.all(clients.map((client) => client.config('GET', 'cluster-port')))
  const meet = async (): Promise<void> => {
    for (const [index, { port }] of servers.entries()) await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port, String(buses[index]?.[1]))
  }
  const knows = async (client: Redis): Promise<boolean> => {
    const nodes = String(await client.call('CLUSTER', 'NODES'))
    return String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok') && ids.every((id) => nodes.includes(`${id} 127.0.0.1`))
  }
  // A server forgets whom it was to meet, where it hears nothing for a while: on a busy machine it has to be told again.
  for (let tries = 0; ; tries++) {
    if (tries % 300 === 0) await meet()
    if ((await Promise.all(clients.map(knows))).every(Boolean)) break
    if (tries > 3_000) throw new Error('the servers did not become a cluster')
    await setTimeout(10)
  }
  for (const client of clients) client.disconnect()
  return servers
}

async function run(options: readonly string[]): Promise<ChildProcess> {
  const child = spawn(binary ?? 'redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  let said = ''
  for await (const chunk of child.stdout) {
    said += String(chunk)
    if (said.includes('Ready to accept connections')) return child
  }
  throw new Error(`redis-server did not start: ${said}`)
}

// Below the ports that systems give to whoever asks for any (RFC 6335 begins those at 49152, Linux at 32768): else a connection of
// another test could have it before the server does, or while the server is down.
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
