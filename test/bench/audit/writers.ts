import { closeSync, fdatasync, fdatasyncSync, openSync, write, writeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import pino from 'pino'
import { fileLog, fileSigner } from '../../../dist/file.js'

/** Something that takes records. */
export interface Writer {
  readonly name: string
  /** What it promises when it has taken one. */
  readonly promise: string
  append(record: Record<string, unknown>): Promise<unknown>
  close(): Promise<void>
}

export async function sallyport(folder: string): Promise<Writer> {
  const log = await fileLog(join(folder, `log-${Math.random()}`), { signer: await fileSigner(join(folder, 'key')), origin: 'bench' })
  return {
    name: 'sallyport',
    promise: 'durable, in a signed tree',
    append: (record) => log.append(record as never),
    close: () => log.close(),
  }
}

/** What group commit costs without anything else: JSON, one write that waits for the disk for all that came meanwhile. */
export function plainGroupCommit(folder: string): Writer {
  const writeAll = promisify(write) as (descriptor: number, text: string) => Promise<unknown>
  const descriptor = openSync(join(folder, `plain-${Math.random()}`), constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC, 0o600)
  let waiting: { text: string; done: () => void }[] = []
  let running = false
  const run = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await writeAll(descriptor, batch.map(({ text }) => text).join(''))
      for (const { done } of batch) done()
      await new Promise((resolve) => setImmediate(resolve))
    }
    running = false
  }
  return {
    name: 'group commit',
    promise: 'durable, no hash',
    append(record) {
      const text = `${JSON.stringify(record)}\n`
      const taken = new Promise<void>((done) => waiting.push({ text, done }))
      if (!running) {
        running = true
        void run()
      }
      return taken
    },
    close: async () => closeSync(descriptor),
  }
}

/** One write and one fdatasync for each thousand, in the way of everything else. */
export function bare(folder: string): Writer {
  const descriptor = openSync(join(folder, `bare-${Math.random()}`), 'w')
  let count = 0
  return {
    name: 'writeSync, fdatasync',
    promise: 'durable each thousand, no hash',
    append: async (record) => {
      writeSync(descriptor, `${JSON.stringify(record)}\n`)
      if (++count % 1_000 === 0) fdatasyncSync(descriptor)
    },
    close: async () => closeSync(descriptor),
  }
}

export function pinoWriter(folder: string, sync: boolean): Writer {
  const destination = pino.destination({ dest: join(folder, `pino-${Math.random()}`), sync, ...(!sync && { minLength: 4_096 }) })
  const logger = pino(destination)
  return {
    name: sync ? 'pino, sync' : 'pino, async',
    promise: sync ? 'with the system, no hash' : 'in memory, no hash',
    append: async (record) => logger.info(record),
    close: () =>
      new Promise((resolve) => {
        destination.on('close', resolve)
        destination.end()
      }),
  }
}

/** A row a record, a transaction for all that came meanwhile: write-ahead log, `synchronous = FULL`. */
export function sqlite(folder: string): Writer {
  const database = new Database(join(folder, `sqlite-${Math.random()}`))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('create table record (id integer primary key, text text not null)')
  const insert = database.prepare('insert into record (text) values (?)')
  const all = database.transaction((batch: readonly { text: string }[]) => {
    for (const { text } of batch) insert.run(text)
  })
  let waiting: { text: string; done: () => void }[] = []
  return {
    name: 'better-sqlite3',
    promise: 'durable, no hash',
    append(record) {
      const text = JSON.stringify(record)
      const taken = new Promise<void>((done) => waiting.push({ text, done }))
      if (waiting.length === 1)
        setImmediate(() => {
          const batch = waiting
          waiting = []
          all(batch)
          for (const { done } of batch) done()
        })
      return taken
    },
    close: async () => void database.close(),
  }
}

/** So that one contender's dirty pages are not written in another's time. */
export async function settle(folder: string): Promise<void> {
  const descriptor = openSync(folder, 'r')
  await promisify(fdatasync)(descriptor).catch(() => {})
  closeSync(descriptor)
}
