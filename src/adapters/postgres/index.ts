/**
 * Postgres as a sink of records, and as an anchor.
 *
 * @module sallyport/postgres
 */

export { postgresAnchor, type PostgresAnchor, type PostgresAnchorOptions } from './postgres-anchor.ts'
export type { PostgresClient } from './postgres-client.ts'
export { postgresSink, type PostgresSink, type PostgresSinkOptions } from './postgres-sink.ts'
