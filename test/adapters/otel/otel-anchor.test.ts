import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { confirmedExporter, otelAnchor } from '../../../src/adapters/otel/index.ts'
import type { Anchor } from '../../../src/audit-log/audit-log.ts'
import { signCheckpoint } from '../../../src/audit-log/checkpoint.ts'
import { exportedAnchor } from '../../../src/audit-log/exported-anchor.ts'
import { verifyLog } from '../../../src/audit-log/file-verify.ts'
import { verifierKey } from '../../../src/audit-log/signed-note.ts'
import { rolledBackLog } from '../../audit-log/rolled-back-log.ts'
import { seededSigner } from '../../audit-log/signing.ts'
import { attributesIn, type Collector, collector, having } from './collector.ts'

interface Anchored {
  readonly collector: Collector
  readonly anchor: Anchor
  readonly store: Anchor
  /** What the receiver got, as a collector's file has it: a line for each request. */
  lines(): string[]
  emit(body: string): Promise<void>
}

async function anchored(context: TestContext): Promise<Anchored> {
  const own = await collector(context)
  const exporter = confirmedExporter(new OTLPLogExporter({ url: `${own.url}/logs` }))
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] })
  context.after(() => provider.shutdown().catch(() => {}))
  const logger = provider.getLogger('sallyport')
  const store = memoryAnchor()
  return {
    collector: own,
    store,
    anchor: otelAnchor({ logger, exporter, flush: () => provider.forceFlush(), store }),
    lines: () => (own.received.get('logs') ?? []).map((request) => JSON.stringify(request)),
    async emit(body) {
      logger.emit({ eventName: 'sallyport.checkpoint', body })
      await provider.forceFlush()
    },
  }
}

function memoryAnchor(): Anchor {
  let newest: string | undefined
  return {
    publish: async (note) => void (newest = note),
    latest: async () => newest,
  }
}

async function codesOf(directory: string, key: string, lines: readonly string[]): Promise<string[]> {
  const report = await verifyLog(directory, { key, anchor: await exportedAnchor({ lines: () => lines, key }) })
  return report.problems.map(({ code }) => code)
}

test('otelAnchor exports each checkpoint as a log record, to a receiver of OTLP', async (context) => {
  const { anchor, collector: own, lines } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  const records = [...having(own.received.get('logs'), 'eventName')].filter(({ eventName }) => eventName === 'sallyport.checkpoint')
  const sizes = records.map((record) => attributesIn(record)['sallyport.log.size'])
  assert.deepEqual([...new Set(sizes)].map(Number), [0, 5, 7, 9])
  assert.equal(attributesIn(records.at(-1))['sallyport.log.origin'], 'log')
  const exported = await exportedAnchor({ lines, key: log.key })
  assert.equal(await exported.latest(), await anchor.latest())
  await assert.rejects(exported.publish((await anchor.latest()) ?? ''))
  const report = await verifyLog(log.directory, { key: log.key, anchor: exported })
  assert.deepEqual([report.problems, report.anchored], [[], true])
})

test('A24: what was exported shows a log that was cut or put back', async (context) => {
  const { anchor, lines } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  log.rollBack()
  assert.deepEqual(await codesOf(log.directory, log.key, lines()), ['rolled_back'])
  await assert.rejects(log.open(), { code: 'rolled_back' }, 'by what is kept here')
})

test('A24: what was exported shows a log that was put back with all that is beside it, and has grown again', async (context) => {
  const { anchor, lines } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  log.rollBack()
  await anchor.publish(await log.growAgain())
  assert.deepEqual(await codesOf(log.directory, log.key, lines()), ['forked', 'forked'])
})

test('A24: a checkpoint that anybody else sent to the collector counts for nothing', async (context) => {
  const { anchor, lines, emit } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  const stranger = seededSigner(2)
  const forged = await signCheckpoint(1_000, 'x'.repeat(32), await verifierKey('log', stranger.publicKey), stranger)
  const [head = '', signature = ''] = ((await anchor.latest()) ?? '').split('\n\n')
  for (const note of [
    forged.note ?? '',
    `${head.replace('\n9\n', '\n99\n')}\n\n${signature}`,
    '\n\n\u2014 log AAAA\n',
    `${'a'.repeat(5_000)}\n\n\u2014 `,
  ])
    await emit(note)
  assert.deepEqual(await codesOf(log.directory, log.key, ['{"not": "whole', 'null', '[[["deep"]]]', ...lines()]), [])
})

test('otelAnchor remembers nothing that was not exported', async (context) => {
  const { anchor, collector: own } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  const known = await anchor.latest()
  const opened = await log.open()
  own.status = 400
  await assert.rejects(
    opened.append({ event: 'recovered', kind: 'log', size: 9, time: 1, version: 1 }).then(() => opened.checkpoint()),
    {
      code: 'audit_unavailable',
    },
  )
  assert.equal(await anchor.latest(), known)
  own.status = 200
  await opened.close()
})

test('otelAnchor does not believe a flush that another one was in the way of', async (context) => {
  const { anchor, collector: own } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  const [note = ''] = [await anchor.latest()]
  own.status = 400
  await assert.rejects(Promise.all([anchor.publish(note), anchor.publish(note)]))
  own.status = 200
  await anchor.publish(note)
  assert.equal((await verifyLog(log.directory, { key: log.key, anchor })).ok, true)
})

test('what was exported is no anchor where there is no checkpoint of the log in it', async (context) => {
  const { anchor } = await anchored(context)
  const log = await rolledBackLog(context, anchor)
  const report = await verifyLog(log.directory, { key: log.key, anchor: await exportedAnchor({ lines: () => [], key: log.key }) })
  assert.deepEqual([report.anchored, report.problems.map(({ code }) => code)], [false, ['anchor_unavailable']])
})

test('otelAnchor and exportedAnchor refuse wrong options', async () => {
  const store = memoryAnchor()
  const logger = { emit: () => {}, enabled: () => true }
  for (const wrong of [
    { logger, store },
    { logger, flush: async () => {} },
    { logger: {}, flush: async () => {}, store },
  ])
    assert.throws(() => otelAnchor(wrong as never), TypeError)
  for (const wrong of [{ lines: [], key: 'a' }, { lines: () => [] }, { lines: () => [], key: [] }, { lines: () => [], key: 'nonsense' }])
    await assert.rejects(exportedAnchor(wrong as never), TypeError)
})
