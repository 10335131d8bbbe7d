/**
 * OpenTelemetry as a sink of records.
 *
 * @module sallyport/otel
 */

export { otelSink, type OtelApi, type OtelSinkOptions } from './otel-sink.ts'
