/**
 * OpenTelemetry as a sink of records, and as an anchor.
 *
 * @module sallyport/otel
 */

export { confirmedExporter, type ConfirmedExporter, type ExportedRecord, type LogExporter } from './confirmed-exporter.ts'
export { otelAnchor, type OtelAnchorOptions } from './otel-anchor.ts'
export { otelSink, type OtelApi, type OtelSinkOptions } from './otel-sink.ts'
