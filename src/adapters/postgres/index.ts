/**
 * Postgres as a sink of records.
 *
 * @module sallyport/postgres
 */

export { postgresSink, type PostgresClient, type PostgresSink, type PostgresSinkOptions } from './postgres-sink.ts'
