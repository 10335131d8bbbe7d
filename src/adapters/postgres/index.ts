export { postgresSink, type PostgresClient, type PostgresSink, type PostgresSinkOptions } from './postgres-sink.ts'
