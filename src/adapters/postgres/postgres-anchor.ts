import { type Head, headToAnchor, requireLater } from '../../audit-log/anchored-head.ts'
import type { Anchor } from '../../audit-log/audit-log.ts'
import { type Check, checkOptions } from '../../guard/check-options.ts'
import { clientCheck, logCheck, schemaCheck } from './checks.ts'
import { migration } from './migrations.ts'
import type { PostgresClient } from './postgres-client.ts'
import { numberIn, textIn } from './row-values.ts'

/** Options of `postgresAnchor`. */
export interface PostgresAnchorOptions {
  /** Yours to open and to close. */
  readonly client: PostgresClient
  /** The log's `origin`: what its checkpoints are told apart by from those of other logs. */
  readonly log: string
  /** Where the table is: lower-case letters, digits and underscores, at most 40; `sallyport` unless given. */
  readonly schema?: string
}

/** An anchor in PostgreSQL. */
export interface PostgresAnchor extends Anchor {
  /** Brings the schema to the newest version, once and by one process at a time. `publish` does it where there is no table. */
  migrate(): Promise<void>
  history(): AsyncIterable<string>
}

const checks: Readonly<Record<keyof PostgresAnchorOptions, Check>> = { client: clientCheck, log: logCheck, schema: schemaCheck }

/** Checkpoints that are read at once. */
const page = 1_000

/**
 * An anchor in PostgreSQL: a row for each checkpoint, in a table that refuses to change or to remove any. Where its owner is another
 * role than the one that the log's process has, whoever can change the log, even with its key, cannot take a checkpoint back; and
 * since all of them stay, a verifier sees a log that was rolled back and has grown again since.
 *
 * ```ts
 * const anchor = postgresAnchor({ client: new Pool(), log: 'support-bot.eu-1' })
 * const log = await fileLog('var/audit', { signer, origin: 'support-bot.eu-1', anchor })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function postgresAnchor(options: PostgresAnchorOptions): PostgresAnchor {
  checkOptions('postgresAnchor', options, checks)
  const { client, log, schema = 'sallyport' } = options
  const table = `${schema}.audit_checkpoints`
  let isThere = false

  // Whoever only reads may not make tables, and where there is none nothing is remembered.
  const look = async (): Promise<boolean> => {
    if (isThere) return true
    const { rows } = await client.query(`SELECT (to_regclass($1) IS NOT NULL)::text AS there`, [table])
    isThere = textIn(rows[0], 'there') === 'true'
    return isThere
  }
  const migrate = async (): Promise<void> => {
    await client.query(migration(schema))
    isThere = true
  }
  const newest = async (): Promise<(Head & { readonly note: string }) | undefined> => {
    const { rows } = await client.query(`SELECT size::text AS size, root, note FROM ${table} WHERE log = $1 ORDER BY ${table}.size DESC LIMIT 1`, [
      log,
    ])
    if (rows.length === 0) return undefined
    return { origin: log, size: numberIn(rows[0], 'size'), root: textIn(rows[0], 'root'), note: textIn(rows[0], 'note') }
  }

  return Object.freeze<PostgresAnchor>({
    async publish(note) {
      const head = headToAnchor(note)
      if (head.origin !== log) throw new Error('The anchor belongs to another log')
      if (!(await look())) await migrate()
      const known = await newest()
      if (known !== undefined) requireLater(known, head)
      // Another process may have been faster: one row a size, and the first one stays.
      await client.query(`INSERT INTO ${table} (log, size, root, note) VALUES ($1, $2, $3, $4) ON CONFLICT (log, size) DO NOTHING`, [
        log,
        head.size,
        head.root,
        note,
      ])
      const kept = await newest()
      if (kept === undefined) throw new Error('The database kept no checkpoint')
      requireLater(kept, head)
    },
    async latest() {
      return (await look()) ? (await newest())?.note : undefined
    },
    async *history() {
      if (!(await look())) return
      for (let after = -1; ; ) {
        const { rows } = await client.query(
          `SELECT size::text AS size, note FROM ${table} WHERE log = $1 AND size > $2 ORDER BY ${table}.size LIMIT ${page}`,
          [log, after],
        )
        for (const row of rows) yield textIn(row, 'note')
        if (rows.length < page) return
        after = numberIn(rows.at(-1), 'size')
      }
    },
    migrate,
  })
}
