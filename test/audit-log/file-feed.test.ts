import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { AuditSink, LoggedEntry } from '../../src/audit-log/audit-log.ts'
import { feedSink, type LogFeed, type LogFeedOptions } from '../../src/audit-log/file-feed.ts'
import { type FileLog, fileLog } from '../../src/audit-log/file-log.ts'
import { LogError } from '../../src/audit-log/log-error.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

interface Taking extends AuditSink {
  readonly taken: LoggedEntry[]
  isDown: boolean
}

function taking(): Taking {
  const taken: LoggedEntry[] = []
  return {
    name: 'taking',
    taken,
    isDown: false,
    deliver(entries) {
      if (this.isDown) throw new Error('down')
      taken.push(...entries)
    },
  }
}

describe('a sink that is fed from a log on a disk', () => {
  let folder: string
  let log: FileLog
  let sink: Taking
  const feeds: LogFeed[] = []
  const directory = (): string => join(folder, 'log')
  const open = (signer = 1): Promise<FileLog> =>
    fileLog(directory(), { signer: seededSigner(signer), origin: 'bot', checkpointEvery: { seconds: 3600 } })
  const feed = async (own: Partial<LogFeedOptions> = {}, from = directory()): Promise<LogFeed> => {
    const made = await feedSink(from, { key: log.key, sink, cursor: join(folder, 'cursor'), every: 3600, onError: () => {}, ...own })
    feeds.push(made)
    return made
  }
  let count = 0
  const append = async (number: number): Promise<void> => {
    await Promise.all(Array.from({ length: number }, () => log.append(sampleRecord(count++))))
    await log.checkpoint()
  }
  const indexes = (): number[] => sink.taken.map(({ index }) => index)
  const upTo = (number: number): number[] => Array.from({ length: number }, (_, index) => index)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-feed-'))
    count = 0
    sink = taking()
    log = await open()
  })
  afterEach(async () => {
    await Promise.all(feeds.splice(0).map((each) => each.close()))
    await log.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('gets every entry once and in order, over restarts of who feeds it and of who writes', async () => {
    const first = await feed()
    for (const number of [1, 5, 300, 256, 0, 2]) {
      await append(number)
      await first.flush()
      assert.equal(first.behind, 0)
    }
    await first.close()
    await append(700)
    await log.close()
    log = await open()
    await append(1)
    const second = await feed()
    await second.flush()
    assert.deepEqual(indexes(), upTo(count))
    assert.equal(second.next, count)
    assert.deepEqual(
      sink.taken.map(({ record }) => record.time),
      upTo(count).map((number) => sampleRecord(number).time),
    )
  })

  it('gets what it did not take again, and nothing is lost while it is down', async () => {
    const errors: unknown[] = []
    const fed = await feed({ onError: (error) => void errors.push(error) })
    await append(10)
    sink.isDown = true
    await assert.rejects(fed.flush(), /down/)
    assert.equal(fed.behind, 10)
    assert.match(String(fed.failure), /down/)
    await append(300)
    sink.isDown = false
    await fed.flush()
    assert.deepEqual(indexes(), upTo(310))
    assert.equal(fed.failure, undefined)
    assert.ok(errors.length > 0)
  })

  it('gets again what it took where the cursor could not be written', async () => {
    await append(3)
    await (await feed()).flush()
    await rm(join(folder, 'cursor'))
    await (await feed()).flush()
    assert.deepEqual(indexes(), [0, 1, 2, 0, 1, 2])
  })

  it('gets nothing that is not signed', async () => {
    const fed = await feed()
    await append(2)
    await log.append(sampleRecord(2))
    await fed.flush()
    assert.deepEqual(indexes(), [0, 1])
    await log.checkpoint()
    await fed.flush()
    assert.deepEqual(indexes(), [0, 1, 2])
  })

  it('waits for a log that is not there yet', async () => {
    const fed = await feed({}, join(folder, 'later'))
    await fed.flush()
    assert.equal(fed.next, 0)
  })

  it('gets nothing of a log whose entries are not those that were signed (A24)', async () => {
    await append(300)
    const copy = join(folder, 'copy')
    await cp(directory(), copy, { recursive: true })
    const bundle = join(copy, 'tile/entries/000')
    await writeFile(bundle, String(await readFile(bundle, 'latin1')).replace('"call-7"', '"call-8"'), 'latin1')
    await assert.rejects((await feed({}, copy)).flush(), (error) => error instanceof LogError && error.code === 'root_mismatch')
    assert.deepEqual(sink.taken, [])
  })

  it('gets nothing more of a log that was put back, or written anew (A24)', async () => {
    await append(5)
    const old = join(folder, 'old')
    await cp(directory(), old, { recursive: true })
    await append(5)
    const fed = await feed()
    await fed.flush()
    await fed.close()
    await assert.rejects((await feed({}, old)).flush(), (error) => error instanceof LogError && error.code === 'rolled_back')
    // The same key, the same name, other entries.
    await log.close()
    await rm(directory(), { recursive: true })
    log = await open()
    count = 100
    await append(20)
    await assert.rejects((await feed()).flush(), (error) => error instanceof LogError && error.code === 'root_mismatch')
    assert.deepEqual(indexes(), upTo(10))
  })

  it('gets nothing of a log that another key signed, and a cursor belongs to one log', async () => {
    await append(5)
    const other = await fileLog(join(folder, 'other'), { signer: seededSigner(2), origin: 'bot' })
    await assert.rejects((await feed({ key: other.key })).flush(), LogError)
    await other.close()
    await (await feed()).flush()
    const third = await fileLog(join(folder, 'third'), { signer: seededSigner(1), origin: 'third' })
    await assert.rejects(feed({ key: third.key }), /is one of the log bot/)
    await third.close()
  })

  it('refuses a damaged cursor and wrong options', async () => {
    await append(3)
    await (await feed()).flush()
    const good = await readFile(join(folder, 'cursor'), 'utf8')
    for (const bad of [
      '',
      '{}',
      good.slice(0, 40),
      good.replace('"size":3', '"size":4'),
      good.replace('"version":1', '"version":2'),
      good.replace(/"subtrees":\[[^\]]*\]/, '"subtrees":[1,2]'),
    ]) {
      await writeFile(join(folder, 'cursor'), bad)
      await assert.rejects(feed(), /is no cursor/, bad)
    }
    await writeFile(
      join(folder, 'cursor'),
      good.replace(/"subtrees":\["./, (text) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`),
    )
    await assert.rejects((await feed()).flush(), (error) => error instanceof LogError && error.code === 'root_mismatch')
    for (const options of [{ every: 0 }, { sink: {} }, { cursor: '' }, { key: 'x' }, { wrong: 1 }])
      await assert.rejects(feed(options as never), TypeError)
    await assert.rejects(feedSink('', { key: log.key, sink, cursor: 'x' }), TypeError)
  })
})
