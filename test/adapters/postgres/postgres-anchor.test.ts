import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { Pool } from 'pg'
import { type PostgresAnchor, postgresAnchor, type PostgresClient } from '../../../src/adapters/postgres/index.ts'
import { signCheckpoint } from '../../../src/audit-log/checkpoint.ts'
import { verifyLog } from '../../../src/audit-log/file-verify.ts'
import { verifierKey } from '../../../src/audit-log/signed-note.ts'
import { rolledBackLog } from '../../audit-log/rolled-back-log.ts'
import { seededSigner } from '../../audit-log/signing.ts'
import { hasPostgres, postgresServer } from './postgres-server.ts'

interface Database {
  readonly client: PostgresClient
  /** As another role. */
  readonly as?: (role: string) => Pool
  close(): Promise<void>
}

async function pglite(): Promise<Database> {
  const client = new PGlite()
  await client.waitReady
  return { client, close: () => client.close() }
}

async function real(): Promise<Database> {
  const server = await postgresServer()
  const pools: Pool[] = []
  const open = (url: string): Pool => {
    const pool = new Pool({ connectionString: url, max: 4 })
    // Connections may still be on their way out when the server goes.
    pool.on('error', () => {})
    pool.on('connect', (connection) => connection.on('error', () => {}))
    pools.push(pool)
    return pool
  }
  return {
    client: open(server.url),
    as: (role) => open(server.url.replace('//sallyport@', `//${role}@`)),
    async close() {
      for (const pool of pools) await pool.end()
      await server.stop()
    },
  }
}

const signer = seededSigner(1)

async function noteOf(size: number, root: number, origin = 'log'): Promise<string> {
  return (await signCheckpoint(size, String.fromCharCode(root).repeat(32), await verifierKey(origin, signer.publicKey), signer)).note ?? ''
}

async function all(notes: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = []
  for await (const note of notes) list.push(note)
  return list
}

let serial = 0

for (const [kind, open] of [['pglite', pglite] as const, ...(hasPostgres ? [['PostgreSQL', real] as const] : [])])
  describe(`postgresAnchor on ${kind}`, () => {
    let database: Database
    let schema: string
    before(async () => void (database = await open()))
    after(() => database.close())
    const made = (log = 'log'): PostgresAnchor => postgresAnchor({ client: database.client, log, schema })
    const fresh = (): PostgresAnchor => {
      schema = `anchor${++serial}`
      return made()
    }
    const codes = async (directory: string, key: string, anchor: Pick<PostgresAnchor, 'latest' | 'publish'>): Promise<string[]> =>
      (await verifyLog(directory, { key, anchor })).problems.map(({ code }) => code)

    test('remembers every checkpoint, and never a smaller or another one', async () => {
      const anchor = fresh()
      assert.equal(await anchor.latest(), undefined)
      assert.deepEqual(await all(anchor.history()), [])
      const notes = [await noteOf(0, 0), await noteOf(5, 1), await noteOf(9, 2)]
      for (const note of [...notes, ...notes.slice(2)]) await anchor.publish(note)
      for (const wrong of [await noteOf(8, 2), await noteOf(9, 3), await noteOf(10, 2, 'other'), 'nonsense', ''])
        await assert.rejects(anchor.publish(wrong))
      assert.equal(await anchor.latest(), notes[2])
      assert.deepEqual(await all(anchor.history()), notes)
      await made('other').publish(await noteOf(3, 7, 'other'))
      assert.deepEqual(await all(made().history()), notes, 'another log has its own')
    })

    test('takes nothing back, whoever asks', async () => {
      const anchor = fresh()
      await anchor.publish(await noteOf(5, 1))
      for (const statement of [
        `UPDATE ${schema}.audit_checkpoints SET size = 1`,
        `DELETE FROM ${schema}.audit_checkpoints`,
        `TRUNCATE ${schema}.audit_checkpoints`,
      ])
        await assert.rejects(database.client.query(statement), /never changed or removed/)
      assert.deepEqual(await all(anchor.history()), [await noteOf(5, 1)])
    })

    test('gives them in order of size, however many', async () => {
      const anchor = fresh()
      await anchor.migrate()
      await database.client.query(
        `INSERT INTO ${schema}.audit_checkpoints (log, size, root, note) SELECT 'log', n, 'r', n::text FROM generate_series(0, 2000) AS n ORDER BY 2 DESC`,
      )
      assert.deepEqual(
        await all(anchor.history()),
        Array.from({ length: 2_001 }, (_, number) => String(number)),
      )
    })

    test('A24: shows a log that was cut or put back, to its own process and to the verifier', async (context) => {
      const anchor = fresh()
      const log = await rolledBackLog(context, anchor)
      const whole = await verifyLog(log.directory, { key: log.key, anchor })
      assert.deepEqual([whole.problems, whole.anchored], [[], true])
      log.rollBack()
      assert.deepEqual(await codes(log.directory, log.key, anchor), ['rolled_back'])
      await assert.rejects(log.open(), { code: 'rolled_back' })
    })

    test('A24: shows a log that was put back and has grown again, also where whoever did it has the key', async (context) => {
      const anchor = fresh()
      const log = await rolledBackLog(context, anchor)
      log.rollBack()
      await anchor.publish(await log.growAgain())
      const { publish, latest } = anchor
      assert.deepEqual(await codes(log.directory, log.key, { publish, latest }), [], 'who looks at the newest checkpoint alone sees nothing')
      assert.deepEqual(await codes(log.directory, log.key, anchor), ['forked', 'forked'], 'of 7 and of 9 entries')
    })

    test('A24: never counts a row that the key did not sign for it', async (context) => {
      const anchor = fresh()
      const log = await rolledBackLog(context, anchor)
      const root = btoa('\u0001'.repeat(32))
      const note = `log\n8\n${root}\n\n\u2014 log AAAAAAAA\n`
      await database.client.query(`INSERT INTO ${schema}.audit_checkpoints (log, size, root, note) VALUES ('log', 8, $1, $2)`, [root, note])
      const report = await verifyLog(log.directory, { key: log.key, anchor })
      assert.deepEqual(
        report.problems.map(({ code, message }) => [code, /did not sign/.test(message)]),
        [['forked', true]],
      )
    })

    test('is no anchor while the database does not answer, or has other columns', async (context) => {
      const anchor = fresh()
      const log = await rolledBackLog(context, anchor)
      const broken = postgresAnchor({ client: { query: () => Promise.reject(new Error('gone')) }, log: 'log' })
      const report = await verifyLog(log.directory, { key: log.key, anchor: broken })
      assert.deepEqual([report.ok, report.anchored, report.problems.map(({ code }) => code).includes('anchor_unavailable')], [false, false, true])
      await assert.rejects(broken.publish(await noteOf(1, 1)))
      const empty = postgresAnchor({ client: { query: async () => ({ rows: [{}] }) }, log: 'log' })
      await assert.rejects(empty.latest())
      await assert.rejects(empty.publish(await noteOf(1, 1)))
    })

    test('refuses wrong options', () => {
      const { client } = database
      for (const wrong of [{ client }, { client, log: '' }, { client: {}, log: 'bot' }, { client, log: 'bot', schema: 'a;b' }])
        assert.throws(() => postgresAnchor(wrong as never), TypeError)
    })

    if (kind === 'PostgreSQL')
      test('is written to by a role that may add and read, and do nothing else', async () => {
        await fresh().migrate()
        await database.client.query(`CREATE ROLE writer LOGIN; CREATE ROLE reader LOGIN`)
        await database.client.query(
          `GRANT USAGE ON SCHEMA ${schema} TO writer, reader; GRANT SELECT ON ${schema}.audit_checkpoints TO reader, writer`,
        )
        await database.client.query(`GRANT INSERT ON ${schema}.audit_checkpoints TO writer`)
        const [writer, reader] = ['writer', 'reader'].map((role) => {
          const client = database.as?.(role) ?? assert.fail()
          return { client, anchor: postgresAnchor({ client, log: 'log', schema }) }
        })
        await writer?.anchor.publish(await noteOf(5, 1))
        assert.equal(await reader?.anchor.latest(), await noteOf(5, 1))
        await assert.rejects(reader?.anchor.publish(await noteOf(6, 1)) ?? Promise.resolve())
        for (const statement of [
          `UPDATE ${schema}.audit_checkpoints SET size = 1`,
          `DROP TABLE ${schema}.audit_checkpoints`,
          `ALTER TABLE ${schema}.audit_checkpoints DISABLE TRIGGER ALL`,
        ])
          await assert.rejects(writer?.client.query(statement) ?? Promise.resolve(), { code: '42501' })
      })
  })
