export { otelSink, type OtelApi, type OtelSinkOptions } from './otel-sink.ts'
