/** What is needed of a client: `Pool` and `Client` of `pg`, and `PGlite`, are such. */
export interface PostgresClient {
  /** Runs one statement, with values for `$1`, `$2`, ... */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}
