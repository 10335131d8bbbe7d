import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as api from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { otelSink } from '../../../src/adapters/otel/index.ts'
import type { AuditSink, LoggedEntry } from '../../../src/audit-log/audit-log.ts'
import { memoryLog } from '../../../src/audit-log/memory-log.ts'
import { audit } from '../../../src/controls/audit.ts'
import { authorize } from '../../../src/controls/authorize.ts'
import { verifyIdentity } from '../../../src/controls/verify-identity.ts'
import { guard } from '../../../src/guard/guard.ts'
import { openaiChat } from '../../../src/payload/openai-chat.ts'
import { policySet } from '../../../src/policy/policy-set.ts'
import { identityOf } from '../../../src/testing/identity-of.ts'
import { attributesIn, type Collector, collector, having } from './collector.ts'

interface Telemetry {
  readonly collector: Collector
  readonly sink: AuditSink
  flush(): Promise<void>
}

async function telemetry(context: TestContext, subject?: boolean): Promise<Telemetry> {
  const own = await collector(context)
  const logs = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${own.url}/logs` }) })] })
  const traces = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${own.url}/traces` }))] })
  const metrics = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${own.url}/metrics` }), exportIntervalMillis: 600_000 })],
  })
  context.after(() => Promise.allSettled([logs.shutdown(), traces.shutdown(), metrics.shutdown()]))
  const flush = async (): Promise<void> => void (await Promise.all([logs.forceFlush(), traces.forceFlush(), metrics.forceFlush()]))
  const sink = otelSink({
    api,
    logger: logs.getLogger('sallyport'),
    tracer: traces.getTracer('sallyport'),
    meter: metrics.getMeter('sallyport'),
    flush,
    ...(subject !== undefined && { subject }),
  })
  return { collector: own, sink, flush }
}

const policy = policySet({
  id: 'support',
  version: '7',
  rules: [{ id: 'chat', effect: 'permit', action: 'chat', resource: { type: 'model', id: 'gpt-5' } }],
})
const answer = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-5-2026',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'the secret answer' } }],
  usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
}

async function calls(sink: AuditSink): Promise<void> {
  const base = guard({ name: 'bot' })
    .use(audit({ log: memoryLog(), sinks: [sink] }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', tenant: 'acme' })] }))
    .use(authorize({ evaluator: policy }))
  const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat }
  const input = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'the secret question' }] }
  const inner = base.protect((_input: typeof input) => answer, operation)
  await base.protect((value: typeof input, call) => inner(value, { onBehalfOf: call }), operation)(input, {
    credentials: { authorization: 'Bearer x' },
  })
  const forbidden = base.protect((value: typeof input) => value, { ...operation, action: 'embeddings' })
  await assert.rejects(forbidden(input, { credentials: { authorization: 'Bearer x' } }), { code: 'denied' })
  await base.close()
}

test('a real collector gets logs, spans and metrics by the conventions for generative AI', async (context) => {
  const { collector: got, sink, flush } = await telemetry(context)
  await calls(sink)
  await flush()
  const logs = [...having([...(got.received.get('logs') ?? [])], 'severityNumber')]
  assert.deepEqual(logs.map(({ eventName, severityText }) => [eventName, severityText]).sort(), [
    ['sallyport.decision', 'INFO'],
    ['sallyport.decision', 'INFO'],
    ['sallyport.decision', 'WARN'],
    ['sallyport.outcome', 'INFO'],
    ['sallyport.outcome', 'INFO'],
    ['sallyport.outcome', 'WARN'],
  ])
  const refused = logs.map(attributesIn).find((attributes) => attributes['error.type'] === 'denied')
  assert.equal(refused?.['gen_ai.operation.name'], 'embeddings')
  assert.equal(refused?.['sallyport.policy.id'], 'support')
  const spans = [...having([...(got.received.get('traces') ?? [])], 'spanId')].filter(({ name }) => name === 'chat gpt-5')
  assert.equal(spans.length, 2)
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1, 'one task is one trace')
  const [span] = spans
  assert.equal(span?.kind, 3, 'a client')
  assert.equal(attributesIn(span)['gen_ai.usage.input_tokens'], 12)
  assert.equal(attributesIn(span)['gen_ai.usage.output_tokens'], 5)
  assert.equal(attributesIn(span)['gen_ai.request.model'], 'gpt-5')
  const metrics = new Map([...having([...(got.received.get('metrics') ?? [])], 'unit')].map((metric) => [metric.name, metric]))
  for (const name of ['gen_ai.client.operation.duration', 'gen_ai.client.token.usage', 'sallyport.calls']) assert.ok(metrics.has(name), name)
})

test('a call goes on with the trace that its request came with', async (context) => {
  const { collector: got, sink, flush } = await telemetry(context)
  const base = guard({ name: 'bot' })
    .use(audit({ log: memoryLog(), sinks: [sink] }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
    .use(authorize({ evaluator: policy }))
  const chat = base.protect(() => answer, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await chat({ model: 'gpt-5', messages: [{ role: 'user', content: 'x' }] }, { credentials: { authorization: 'Bearer x' }, traceparent })
  await base.close()
  await flush()
  const [span] = having([...(got.received.get('traces') ?? [])], 'spanId')
  assert.deepEqual([span?.traceId, span?.parentSpanId], ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'])
})

test('nobody is named in telemetry unless asked for, never in metrics, and no payload at all', async (context) => {
  for (const subject of [undefined, true]) {
    const { collector: got, sink, flush } = await telemetry(context, subject)
    await calls(sink)
    await flush()
    const texts = Object.fromEntries([...got.received].map(([signal, all]) => [signal, JSON.stringify(all)]))
    for (const text of Object.values(texts)) assert.ok(!text.includes('secret') && !text.includes('Bearer'))
    assert.ok(!texts.metrics?.includes('ada') && !texts.metrics?.includes('acme'))
    for (const signal of ['logs', 'traces']) assert.equal(texts[signal]?.includes('acme'), subject === true)
  }
})

test('what a collector did not take comes again, and is counted once', async () => {
  const emitted: unknown[] = []
  const counted: number[] = []
  let failing = true
  const instrument = { add: (value: number) => void counted.push(value), record: () => {} }
  const sink = otelSink({
    logger: { emit: (record) => void emitted.push(record), enabled: () => true },
    meter: { createCounter: () => instrument, createHistogram: () => instrument } as unknown as api.Meter,
    flush: () => (failing ? Promise.reject(new Error('down')) : Promise.resolve()),
  })
  const record = { version: 1, kind: 'refusals', time: 1, guard: 'bot', since: 0, until: 1, counts: { identity_missing: 4 } } as const
  const entries: LoggedEntry[] = [{ index: 0, hash: 'x', record }]
  await assert.rejects(async () => await sink.deliver(entries, 3))
  failing = false
  await sink.deliver(entries, 3)
  assert.deepEqual(counted, [3, 4])
  assert.equal(emitted.length, 3)
})

test('options that do nothing, or are wrong, are refused when it is made', () => {
  const tracer = api.trace.getTracer('none')
  for (const options of [
    {},
    { tracer },
    { logger: {} },
    { meter: {} },
    { tracer, api: {} },
    { logger: { emit() {} }, flush: 1 },
    { logger: { emit() {} }, wrong: 1 },
  ])
    assert.throws(() => otelSink(options as never), TypeError)
})
