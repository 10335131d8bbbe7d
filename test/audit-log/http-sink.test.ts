import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { LoggedEntry, Signer } from '../../src/audit-log/audit-log.ts'
import { httpSink } from '../../src/audit-log/http-sink.ts'
import { lineSink } from '../../src/audit-log/line-sink.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

async function receiver(context: TestContext): Promise<{ url: URL; received: Received[]; answer: { status: number; location?: string } }> {
  const received: Received[] = []
  const answer: { status: number; location?: string } = { status: 204 }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({ headers: request.headers, body: Buffer.concat(chunks) })
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events?to=us`), received, answer }
}

const source = 'urn:log:bot'
const entry = (index: number): LoggedEntry => ({
  index,
  hash: 'aGFzaA==',
  record: { version: 1, kind: 'refusals', time: 1_700_000_000_000, guard: 'b\not', since: 0, until: 1, counts: { denied: 2 } },
})

test('sends batches of CloudEvents, and what was left out', async (context) => {
  const { url, received } = await receiver(context)
  await httpSink({ url, source, headers: () => ({ authorization: 'Bearer x' }) }).deliver([entry(7), entry(8)], 3)
  const [batch] = received
  assert.equal(batch?.headers['content-type'], 'application/cloudevents-batch+json; charset=utf-8')
  assert.equal(batch?.headers.authorization, 'Bearer x')
  assert.equal(batch?.headers.signature, undefined)
  const [missed, ...events] = JSON.parse(String(batch?.body))
  assert.deepEqual([missed.type, missed.data], ['sallyport.missed.v1', { missed: 3 }])
  assert.deepEqual(events[0], {
    specversion: '1.0',
    id: '7',
    source,
    type: 'sallyport.refusals.v1',
    time: '2023-11-14T22:13:20.000Z',
    datacontenttype: 'application/json',
    leafhash: 'aGFzaA==',
    data: entry(7).record,
  })
})

test('signs each batch, so that whoever gets it can verify it by RFC 9421 and RFC 9530', async (context) => {
  const { url, received } = await receiver(context)
  const { privateKey } = generateKeyPairSync('ed25519')
  const signer: Signer = { publicKey: new Uint8Array(32), sign: (message) => sign(null, message, privateKey) }
  await httpSink({ url, source, signer, keyId: 'bot-1' }).deliver([entry(0)], 0)
  const [batch] = received
  assert.ok(batch !== undefined)
  const { headers, body } = batch
  const parameters = String(headers['signature-input']).replace(/^sallyport=/, '')
  assert.match(parameters, /^\("@method" "@target-uri" "content-type" "content-digest"\);created=\d{10};keyid="bot-1";alg="ed25519"$/)
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  assert.equal(headers['content-digest'], digest)
  const base = `"@method": POST\n"@target-uri": ${url.href}\n"content-type": ${headers['content-type']}\n"content-digest": ${digest}\n"@signature-params": ${parameters}`
  const signature = Buffer.from(
    String(headers.signature)
      .replace(/^sallyport=:/, '')
      .replace(/:$/, ''),
    'base64',
  )
  assert.ok(verify(null, Buffer.from(base), createPublicKey(privateKey), signature))
  assert.ok(!verify(null, Buffer.from(base.replace('POST', 'PUT')), createPublicKey(privateKey), signature))
})

test('takes no answer but 2xx for taken, and follows no redirect', async (context) => {
  const { url, received, answer } = await receiver(context)
  const elsewhere = await receiver(context)
  const sink = httpSink({ url, source })
  for (const status of [400, 401, 429, 500, 503]) {
    answer.status = status
    await assert.rejects(async () => await sink.deliver([entry(0)], 0), new RegExp(`status ${status}`))
  }
  answer.status = 307
  answer.location = elsewhere.url.href
  await assert.rejects(async () => await sink.deliver([entry(0)], 0))
  assert.equal(elsewhere.received.length, 0)
  assert.equal(received.length, 6)
})

test('options that are wrong are refused when it is made', () => {
  const url = new URL('https://siem.example/')
  const signer = { publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) }
  for (const options of [
    {},
    { url, source: 'with space' },
    { url: new URL('http://siem.example/'), source },
    { url: new URL('https://a:b@siem.example/'), source },
    { url, source, signer },
    { url, source, keyId: 'x' },
    { url, source, signer, keyId: 'x"y' },
    { url, source, timeout: 0 },
    { url, source, wrong: 1 },
  ])
    assert.throws(() => httpSink(options as never), TypeError)
})

test('lines hold whole entries, whatever is in them', async () => {
  const written: string[] = []
  await lineSink((lines) => written.push(lines)).deliver([entry(0), entry(1)], 2)
  const lines = written.join('').split('\n')
  assert.equal(lines.pop(), '')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ missed: 2 }, { index: 0, hash: 'aGFzaA==', record: entry(0).record }, { index: 1, hash: 'aGFzaA==', record: entry(1).record }],
  )
  assert.throws(() => lineSink('x' as never), TypeError)
})
