/**
 * Postgres as a sink of records.
 *
 * @module sallyport/postgres
 */

export { postgresSink, type PostgresClient, type PostgresSink, type PostgresSinkOptions } from './postgres-sink.ts'
export { postgresAnchor, type PostgresAnchor, type PostgresAnchorOptions } from './postgres-anchor.ts'
export type { PostgresClient } from './postgres-client.ts'
export { postgresSink, type PostgresSink, type PostgresSinkOptions } from './postgres-sink.ts'
