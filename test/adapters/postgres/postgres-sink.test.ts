import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { Pool } from 'pg'
import { type PostgresClient, type PostgresSink, postgresSink } from '../../../src/adapters/postgres/index.ts'
import type { LoggedEntry } from '../../../src/audit-log/audit-log.ts'
import { memoryLog } from '../../../src/audit-log/memory-log.ts'
import { type AuditRecord, entryText } from '../../../src/audit-log/record.ts'
import { hasPostgres, postgresServer } from './postgres-server.ts'

interface Database {
  open(): Promise<{ client: PostgresClient; close(): Promise<void> }>
}

const pglite: Database = {
  async open() {
    const client = new PGlite()
    await client.waitReady
    return { client, close: () => client.close() }
  },
}

const real: Database = {
  async open() {
    const server = await postgresServer()
    const client = new Pool({ connectionString: server.url, max: 4 })
    // Connections may still be on their way out when the server goes.
    client.on('error', () => {})
    client.on('connect', (connection) => connection.on('error', () => {}))
    return {
      client,
      async close() {
        await client.end()
        await server.stop()
      },
    }
  },
}

const decision = (index: number, own: Partial<AuditRecord> = {}): AuditRecord =>
  ({
    version: 1,
    kind: 'decision',
    time: Date.UTC(2026, 10, 25, 12, 0, index, 7),
    id: `call-${index}`,
    task: 'task',
    guard: 'bot',
    action: 'chat',
    resource: { type: 'model', id: 'gpt-5' },
    allowed: true,
    subject: { key: '3:idpada', subject: 'ada', issuer: 'idp', kind: 'user', roles: [], tenant: 'acme' },
    ...own,
  }) as AuditRecord

// Taken by a real log, so that indexes and hashes are those of one.
async function entriesOf(records: readonly AuditRecord[]): Promise<LoggedEntry[]> {
  const log = memoryLog()
  return await Promise.all(records.map(async (record) => ({ ...(await log.append(record)), record })))
}

let serial = 0

for (const [kind, database] of [['pglite', pglite] as const, ...(hasPostgres ? [['PostgreSQL', real] as const] : [])])
  describe(`postgresSink on ${kind}`, () => {
    let client: PostgresClient
    let close: () => Promise<void>
    let schema: string
    let sink: PostgresSink
    before(async () => void ({ client, close } = await database.open()))
    after(() => close())
    const made = (own: { log?: string; schema?: string } = {}): PostgresSink => postgresSink({ client, log: 'bot', schema, ...own })
    const rows = async (text: string): Promise<readonly Record<string, unknown>[]> => (await client.query(text)).rows as Record<string, unknown>[]
    const fresh = (): void => {
      schema = `s${++serial}`
      sink = made()
    }

    test('keeps entries by columns, and their very text', async () => {
      fresh()
      const entries = await entriesOf([decision(0), decision(1, { allowed: false, code: 'denied' } as Partial<AuditRecord>)])
      await sink.deliver(entries, 0)
      const kept = await rows(`SELECT * FROM ${schema}.audit_entries ORDER BY index`)
      assert.deepEqual(
        kept.map(({ call, action, tenant, allowed, code }) => ({ call, action, tenant, allowed, code })),
        [
          { call: 'call-0', action: 'chat', tenant: 'acme', allowed: true, code: null },
          { call: 'call-1', action: 'chat', tenant: 'acme', allowed: false, code: 'denied' },
        ],
      )
      assert.deepEqual(kept[0]?.time, new Date(Date.UTC(2026, 10, 25, 12, 0, 0, 7)))
      for (const [index, { entry, hash }] of kept.entries()) {
        assert.equal(entry, entryText(entries[index]?.record as AuditRecord))
        // RFC 9162, section 2.1.1.
        assert.equal(createHash('sha256').update('\0').update(String(entry)).digest('base64'), hash)
      }
    })

    test('keeps what comes twice once, and says how far it has come', async () => {
      fresh()
      assert.equal(await sink.next(), 0)
      const entries = await entriesOf(Array.from({ length: 300 }, (_, index) => decision(index)))
      await sink.deliver(entries.slice(0, 200), 0)
      await sink.deliver(entries.slice(100), 2)
      assert.equal(await sink.next(), 300)
      assert.equal(Number((await rows(`SELECT count(*) AS n FROM ${schema}.audit_entries`))[0]?.n), 300)
      assert.equal(Number((await rows(`SELECT missed AS n FROM ${schema}.audit_missed`))[0]?.n), 2)
      assert.equal(await made({ log: 'other' }).next(), 0)
    })

    test('refuses two logs under one name', async () => {
      fresh()
      await sink.deliver(await entriesOf([decision(0)]), 0)
      await assert.rejects(
        async () => await sink.deliver(await entriesOf([decision(0, { action: 'embeddings' } as Partial<AuditRecord>)]), 0),
        /two logs have one name/,
      )
      await assert.rejects(async () => await sink.deliver(await entriesOf([decision(90)]), 0), /two logs have one name/)
      await made({ log: 'other' }).deliver(await entriesOf([decision(90)]), 0)
    })

    test('takes any text that a stranger may bring into a record', async () => {
      fresh()
      const odd = ["'; DROP TABLE x; --", '\0', '\ud800', '\\u0000', '"}]', '$1', '\n', 'x'.repeat(20_000), '\u{1f600}']
      await sink.deliver(await entriesOf(odd.map((id, index) => decision(index, { resource: { type: id, id } } as Partial<AuditRecord>))), 0)
      const kept = await rows(`SELECT resource_id, entry FROM ${schema}.audit_entries ORDER BY index`)
      assert.equal(kept.length, odd.length)
      assert.equal(kept[0]?.resource_id, odd[0])
      assert.equal(kept[8]?.resource_id, odd[8])
      for (const { entry } of kept) JSON.parse(String(entry))
    })

    test('makes a partition a month, and drops whole months', async () => {
      fresh()
      const months = [Date.UTC(2026, 0, 31, 23, 59, 59, 999), Date.UTC(2026, 1, 1), Date.UTC(2026, 11, 31), Date.UTC(2027, 0, 1)]
      await sink.deliver(await entriesOf(months.map((time, index) => decision(index, { time }))), 0)
      assert.deepEqual(await sink.prune(new Date('2026-12-15')), ['audit_entries_2026_01', 'audit_entries_2026_02'])
      assert.equal(await sink.next(), 4)
      assert.deepEqual(await sink.prune(new Date('2026-12-15')), [])
      // What is dropped can come again.
      await sink.deliver(await entriesOf([decision(0, { time: Date.UTC(2026, 0, 2) })]), 0)
      await assert.rejects(sink.prune(new Date('never')), TypeError)
    })

    test('several processes that begin at once bring one schema to one version', async () => {
      fresh()
      const entries = await entriesOf([decision(0)])
      await Promise.all(Array.from({ length: 4 }, async () => await made().deliver(entries, 0)))
      assert.deepEqual(await rows(`SELECT version FROM ${schema}.audit_version ORDER BY 1`), [{ version: 1 }, { version: 2 }])
      assert.equal((await rows(`SELECT 1 FROM ${schema}.audit_entries`)).length, 1)
    })

    test('a newer schema is left alone', async () => {
      fresh()
      await sink.migrate()
      await client.query(`INSERT INTO ${schema}.audit_version (version) VALUES (99)`)
      await assert.rejects(made().migrate(), /is at version 99/)
    })

    test('is tried again after the database was away', async () => {
      fresh()
      let away = true
      const flaky: PostgresClient = { query: (text, values) => (away ? Promise.reject(new Error('away')) : client.query(text, values)) }
      const own = postgresSink({ client: flaky, log: 'bot', schema })
      const entries = await entriesOf([decision(0)])
      await assert.rejects(async () => await own.deliver(entries, 0), /away/)
      away = false
      await own.deliver(entries, 0)
      assert.equal(await own.next(), 1)
    })
  })

test('options that are wrong are refused when it is made', () => {
  const client = { query: async () => ({ rows: [] }) }
  for (const options of [
    {},
    { client },
    { client, log: '' },
    { client: {}, log: 'x' },
    { client, log: 'x', schema: 'x; DROP' },
    { client, log: 'x', schema: 'X' },
    { client, log: 'x', table: 'y' },
  ])
    assert.throws(() => postgresSink(options as never), TypeError)
})
