import type { AuditSink, LoggedEntry } from '../../audit-log/audit-log.ts'
import { type Check, checkOptions } from '../../guard/check-options.ts'
import { clientCheck, logCheck, schemaCheck } from './checks.ts'
import { columns, type EntryRow, monthOf, rowOf } from './entry-row.ts'
import { migration, partition } from './migrations.ts'
import type { PostgresClient } from './postgres-client.ts'
import { numberIn, textIn } from './row-values.ts'

/** Options of `postgresSink`. */
export interface PostgresSinkOptions {
  /** Yours to open and to close. A pool, where several sinks share it. */
  readonly client: PostgresClient
  /** What these entries are told apart by from those of other logs: the log's `origin`. */
  readonly log: string
  /** Where the tables are: lower-case letters, digits and underscores, at most 40; `sallyport` unless given. */
  readonly schema?: string
}

/** A sink that keeps entries in PostgreSQL, to ask by columns. */
export interface PostgresSink extends AuditSink {
  /** Brings the schema to the newest version, once and by one process at a time. `deliver` does it before its first entries. */
  migrate(): Promise<void>
  /** The index of the entry that is wanted next: how far this log has come. */
  next(): Promise<number>
  /** Drops the months that lie wholly before a moment, of all logs, and gives their tables' names. What was dropped is still in the log. */
  prune(before: Date): Promise<readonly string[]>
}

const checks: Readonly<Record<keyof PostgresSinkOptions, Check>> = { client: clientCheck, log: logCheck, schema: schemaCheck }

/**
 * Keeps a copy of a log in PostgreSQL 13 or newer: one table, a partition a month, indexes for the usual questions, and beside the
 * columns each entry's very text, so that its hash and its proofs still hold. An entry that comes twice is kept once; another one
 * in its place is an error. The log is what proves something, this is where one looks.
 *
 * ```ts
 * const sink = postgresSink({ client: new Pool(), log: 'support-bot.eu-1' })
 * const control = audit({ log, sinks: [sink] })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function postgresSink(options: PostgresSinkOptions): PostgresSink {
  checkOptions('postgresSink', options, checks)
  return new EntryTable({ ...options })
}

const names = columns.map(([name]) => name).join(', ')
const types = columns.map(([name, type]) => `${name} ${type}`).join(', ')

class EntryTable implements PostgresSink {
  readonly name = 'postgres'
  readonly #client: PostgresClient
  readonly #log: string
  readonly #schema: string
  readonly #months = new Set<string>()
  #migrating: Promise<void> | undefined

  constructor({ client, log, schema = 'sallyport' }: PostgresSinkOptions) {
    this.#client = client
    this.#log = log
    this.#schema = schema
  }

  async deliver(entries: readonly LoggedEntry[], missed: number): Promise<void> {
    await this.migrate()
    if (missed > 0) await this.#client.query(`INSERT INTO ${this.#schema}.audit_missed (log, missed) VALUES ($1, $2)`, [this.#log, missed])
    if (entries.length === 0) return
    const rows = entries.map((entry) => rowOf(this.#log, entry))
    for (const row of rows) await this.#makeRoom(monthOf(row))
    // One parameter, whatever the number of entries, that every client hands over alike.
    await this.#client.query(
      `INSERT INTO ${this.#schema}.audit_entries (${names}) SELECT ${names} FROM json_to_recordset($1::json) AS entry(${types}) ON CONFLICT DO NOTHING`,
      [JSON.stringify(rows)],
    )
    await this.#requireTheirs(rows)
  }

  migrate(): Promise<void> {
    this.#migrating ??= this.#client.query(migration(this.#schema)).then(
      () => undefined,
      (error: unknown) => {
        this.#migrating = undefined
        throw error
      },
    )
    return this.#migrating
  }

  async next(): Promise<number> {
    await this.migrate()
    const { rows } = await this.#client.query(`SELECT coalesce(max(index) + 1, 0)::text AS next FROM ${this.#schema}.audit_entries WHERE log = $1`, [
      this.#log,
    ])
    return numberIn(rows[0], 'next')
  }

  async prune(before: Date): Promise<readonly string[]> {
    if (Number.isNaN(before.getTime())) throw new TypeError('prune: give a date')
    await this.migrate()
    const { rows } = await this.#client.query(
      `SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
       WHERE inhparent = '${this.#schema}.audit_entries'::regclass ORDER BY 1`,
    )
    const kept = `audit_entries_${before.toISOString().slice(0, 7).replace('-', '_')}`
    const dropped = rows.map((row) => textIn(row, 'name')).filter((name) => /^audit_entries_\d{4}_\d{2}$/.test(name) && name < kept)
    for (const name of dropped) await this.#client.query(`DROP TABLE IF EXISTS ${this.#schema}.${name}`)
    this.#months.clear()
    return dropped
  }

  async #makeRoom(month: string): Promise<void> {
    if (this.#months.has(month)) return
    await this.#client.query(partition(this.#schema, month))
    this.#months.add(month)
  }

  // Two logs under one name, or a log that was put back to an older copy, must not mix unseen.
  async #requireTheirs(rows: readonly EntryRow[]): Promise<void> {
    const indexes = rows.map(({ index }) => Number(index))
    const kept = await this.#client.query(
      `SELECT index::text AS index, hash FROM ${this.#schema}.audit_entries WHERE log = $1 AND index BETWEEN $2 AND $3`,
      [this.#log, Math.min(...indexes), Math.max(...indexes)],
    )
    const hashes = new Map(rows.map(({ index, hash }) => [String(index), hash]))
    for (const row of kept.rows) {
      const index = textIn(row, 'index')
      if (hashes.has(index) && hashes.get(index) !== textIn(row, 'hash'))
        throw new Error(`entry ${index} of log ${this.#log} is another one in the database: two logs have one name, or one was put back`)
    }
  }
}
