import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileLog, fileSigner, storedEntries } from '../../src/file.ts'
import {
  type AuditLog,
  type AuditRecord,
  apiKey,
  type DecisionRecord,
  GuardError,
  guardFetch,
  jwt,
  type OutcomeRecord,
  plainText,
  policySet,
} from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest, chunk, chunksOf, completion } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { piecesOf, secrets } from './secrets.ts'
import { served, vendor } from './served.ts'
import { analyst, issuer, type Parts, policy, wholeGuard } from './whole-guard.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-a26-'))
const said = 'my favourite word is perspicacious'
const answered = 'the answer is sesquipedalian'

const decisions = (log: { entries: readonly AuditRecord[] }): DecisionRecord[] =>
  log.entries.flatMap((record) => (record.kind === 'decision' ? [record] : []))
const outcomes = (log: { entries: readonly AuditRecord[] }): OutcomeRecord[] =>
  log.entries.flatMap((record) => (record.kind === 'outcome' ? [record] : []))

function bytesIn(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Buffer.concat(files.map((entry) => readFileSync(join(entry.parentPath, entry.name))))
}

/** A text as it could stand in a file: as it is, in JSON, and in the usual encodings of bytes. */
function* spellingsOf(text: string): Generator<string> {
  yield text
  yield JSON.stringify(text).slice(1, -1)
  yield encodeURIComponent(text)
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    yield Buffer.from(text).toString(encoding).replace(/=+$/, '').slice(0, 24)
  }
  for (const hash of ['sha256', 'sha1', 'md5', 'sha512'])
    for (const encoding of ['base64', 'base64url', 'hex'] as const) yield createHash(hash).update(text).digest(encoding).replace(/=+$/, '')
}

describe('A26: what a log says', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  test('a decision and an outcome for each call of a known caller, whatever became of it', async () => {
    const cases: readonly [
      string,
      Parts,
      (server: ReturnType<typeof served>) => Promise<unknown>,
      Partial<DecisionRecord>,
      Partial<OutcomeRecord>,
    ][] = [
      ['answered', {}, async (server) => server.ask(chatRequest(said), await analyst()), { allowed: true }, { ending: 'completed', ran: true }],
      [
        'denied',
        {},
        async (server) => server.ask(chatRequest(said, { model: 'gpt-6' }), await analyst()),
        { allowed: false, code: 'denied' },
        { ending: 'refused', ran: false },
      ],
      [
        'unsupported',
        {},
        async (server) => server.ask({ ...chatRequest(said), x: 1 }, await analyst()),
        { allowed: false, code: 'payload_unsupported' },
        { ending: 'refused', ran: false },
      ],
      [
        'malformed',
        {},
        async (server) => server.ask(`{"${said}`, await analyst()),
        { allowed: false, code: 'payload_invalid' },
        { ending: 'refused', ran: false },
      ],
      [
        'limited',
        { limits: { limits: { name: 'l', per: () => 'x', tokens: 1, window: 1 } } },
        async (server) => server.ask(chatRequest(said), await analyst()),
        { allowed: false, code: 'limit_exceeded' },
        { ending: 'refused', ran: false },
      ],
      [
        'blocked',
        { masking: { mode: 'block' } },
        async (server) => server.ask(chatRequest(`${secrets.EMAIL}`), await analyst()),
        { allowed: false, code: 'payload_blocked' },
        { ending: 'refused', ran: false },
      ],
      ['aborted', {}, async (server) => server.ask(chatRequest(said), await analyst(), { signal: AbortSignal.abort() }).catch(() => {}), {}, {}],
    ]
    for (const [what, parts, ask, decision, outcome] of cases) {
      const log = recordingLog()
      const server = served(wholeGuard({ log, ...parts }))
      await ask(server)
      if (what === 'aborted') continue
      const [first, second, ...others] = log.entries
      assert.equal(others.length, 0, what)
      assert.ok(first?.kind === 'decision' && second?.kind === 'outcome', what)
      assert.equal(first.id, second.id)
      assert.equal(first.task, first.id)
      assert.equal(first.subject?.subject, 'ada')
      for (const [name, value] of Object.entries(decision)) assert.equal(first[name as keyof DecisionRecord], value, `${what}: ${name}`)
      for (const [name, value] of Object.entries(outcome)) assert.equal(second[name as keyof OutcomeRecord], value, `${what}: ${name}`)
      if (decision.allowed === false)
        assert.ok(first.reason !== undefined || first.rules !== undefined || first.code === 'payload_blocked', `${what} has no reason`)
    }
  })

  test('the deciding rule of a refusal is in the log, and in no answer', async () => {
    const log = recordingLog()
    const evaluator = policySet({ ...policy, rules: [...policy.rules, { id: 'not-on-sundays', effect: 'forbid', action: ['chat'] }] })
    const server = served(wholeGuard({ log, policy: { evaluator } }))
    const text = await (await server.ask(chatRequest('x'), await analyst())).text()
    assert.ok(!text.includes('sundays'))
    assert.deepEqual(decisions(log)[0]?.rules, [{ rule: 'not-on-sundays', effect: 'forbid' }])
  })

  test('callers whom nobody knows are counted, and a flood of them leaves one record', async () => {
    const log = recordingLog()
    const base = wholeGuard({ log })
    const server = served(base)
    await Promise.all(
      Array.from({ length: 500 }, (_, number) => server.ask(chatRequest('x'), number % 2 === 0 ? {} : { authorization: `Bearer forged-${number}` })),
    )
    await base.close()
    assert.equal(log.entries.length, 1)
    const [record] = log.entries
    assert.ok(record?.kind === 'refusals')
    assert.deepEqual(record.counts, { identity_invalid: 250, identity_missing: 250 })
    assert.ok(!JSON.stringify(record).includes('forged'))
  })

  test('one id through a task: each call has its own, and all have that of the first', async () => {
    const log = recordingLog()
    const base = wholeGuard({ log })
    const credentials = await analyst()
    const { fetch } = vendor(() => Response.json(completion('x')))
    const guarded = guardFetch(base, { fetch })
    const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText }
    const leaf = base.protect((input: string) => input, operation)
    const middle = base.protect((input: string, call) => leaf(input, { onBehalfOf: call }), operation)
    const root = base.protect(async (input: string, call) => {
      await Promise.all([middle(input, { onBehalfOf: call }), middle(input, { onBehalfOf: call })])
      await guarded('https://v.example/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...guarded.through(call) },
        body: JSON.stringify(chatRequest('x')),
      })
      return input
    }, operation)
    await Promise.all([root('one', { credentials }), root('two', { credentials })])
    const all = decisions(log)
    assert.equal(all.length, 12)
    assert.equal(outcomes(log).length, 12)
    assert.equal(new Set(all.map(({ id }) => id)).size, 12)
    const tasks = group(all)
    assert.equal(tasks.size, 2)
    for (const [task, calls] of tasks) {
      assert.equal(calls.length, 6)
      assert.equal(calls.filter(({ parent }) => parent === undefined).length, 1)
      assert.equal(calls.filter(({ id }) => id === task).length, 1)
      for (const { parent } of calls) assert.ok(parent === undefined || calls.some(({ id }) => id === parent))
    }
    for (const record of outcomes(log)) assert.equal(record.task, all.find(({ id }) => id === record.id)?.task)
  })

  test('contents by keyed digest: equal where they are equal, and of no use to whoever has no key', async () => {
    const key = new Uint8Array(32).fill(7)
    const record = async (content: string, digestKey?: Uint8Array): Promise<[string, string]> => {
      const log = recordingLog()
      const server = served(wholeGuard({ log, audit: { content: 'digest', ...(digestKey !== undefined && { digestKey }) } }), () =>
        completion(answered),
      )
      await server.ask(chatRequest(content), await analyst())
      return [decisions(log)[0]?.input ?? '', outcomes(log)[0]?.output ?? '']
    }
    const [input, output] = await record(said, key)
    assert.ok(input.length > 20 && output.length > 20 && input !== output)
    assert.deepEqual(await record(said, key), [input, output])
    assert.notEqual((await record(`${said}!`, key))[0], input)
    assert.equal((await record(`${said}!`, key))[1], output)
    assert.notEqual((await record(said, new Uint8Array(32).fill(8)))[0], input)
    assert.notEqual((await record(said))[0], (await record(said))[0])
    for (const text of [said, JSON.stringify(chatRequest(said)), JSON.stringify(chatRequest(said).messages)])
      for (const hash of ['sha256', 'sha1', 'sha512', 'md5'])
        for (const encoding of ['hex', 'base64', 'base64url'] as const) assert.ok(!input.includes(createHash(hash).update(text).digest(encoding)))
    assert.ok(!input.includes(createHmac('sha256', '').update(said).digest('base64')))
    const without = recordingLog()
    await served(wholeGuard({ log: without, audit: { content: 'none' } })).ask(chatRequest(said), await analyst())
    assert.ok(without.entries.every((entry) => !('input' in entry) && !('output' in entry)))
  })

  test('not even one that was refused because it stood where a name is wanted', async () => {
    const key = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'
    const evaluator = policySet({ id: 'conformance-policy', rules: [{ id: 'everything', effect: 'permit' }] })
    for (const more of [{ model: key }, { tools: [{ type: 'function', function: { name: key } }] }]) {
      const log = recordingLog()
      const server = served(wholeGuard({ log, policy: { evaluator } }))
      await assertRefused(await server.ask(chatRequest('x', more), await analyst()), 'payload_blocked', [key])
      assert.equal(server.ran.length, 0)
      assert.equal(log.entries.length, 2)
      assert.ok(!JSON.stringify(log.entries).includes(key), `${Object.keys(more).join()}: what must not be seen is in the log`)
    }
  })

  test('never a credential and never a payload, in the bytes of its files, whatever happened', async () => {
    const folder = join(root, 'log')
    const log: AuditLog & { close(): Promise<void> } = await fileLog(folder, { signer: await fileSigner(join(root, 'key')), origin: 'conformance' })
    const { key, entry } = await issuer.mintApiKey({ subject: 'bot', roles: ['analyst'] })
    const tokens: string[] = [key]
    const bearer = async (claims: object = {}): Promise<{ authorization: string }> => {
      const { authorization } = await analyst('ada', { favourite: 'antidisestablishment', ...claims })
      tokens.push(authorization.slice('Bearer '.length))
      return { authorization }
    }
    const all = `${said} ${Object.values(secrets).join(' ')}`
    const quoting = [
      () => Promise.reject(new Error(`the vendor said: ${all}`)),
      () => Promise.reject(new TypeError(all, { cause: new Error(all) })),
      () => Promise.reject(Object.assign(new SyntaxError(all), { code: all, name: all })),
      () => Promise.reject(all as unknown as Error),
      () => Promise.reject(new GuardError('denied', { cause: new TypeError(all) })),
      () => completion(`${answered} ${all}`),
      () => new Response(all, { headers: { 'content-type': 'text/plain' } }),
      () => ({ ...completion(answered), unknown: all }),
      () =>
        (async function* () {
          yield* chunksOf(piecesOf(`${answered} ${secrets.EMAIL}`, 5)).slice(0, 9)
          throw new Error(all)
        })(),
      () =>
        (async function* () {
          yield chunk({ delta: { content: answered } })
          yield { ...chunk(), unknown: all }
        })(),
    ]
    for (const masking of [{}, { mode: 'pseudonym', restore: true }, { mode: 'block' }] as const)
      for (const model of quoting) {
        const identity = { verifiers: [jwt(issuer.options), apiKey({ keys: [entry] })] }
        const server = served(wholeGuard({ log, identity, masking }), model as () => object)
        for (const stream of [false, true]) await (await server.ask(chatRequest(all, { stream }), await bearer())).text()
        await (await server.ask(chatRequest(all), { 'x-api-key': key })).text()
      }
    const server = served(wholeGuard({ log, identity: { verifiers: [jwt(issuer.options), apiKey({ keys: [entry] })] } }))
    for (const body of [
      `{"${all}`,
      { ...chatRequest('x'), [all]: 1 },
      { ...chatRequest('x'), [said.replaceAll(' ', '_')]: all },
      { ...chatRequest('x'), messages: [{ role: all }] },
      chatRequest('x', { metadata: { [all]: all } }),
      `"${all}"`,
      JSON.stringify([all]),
    ])
      await (await server.ask(body, await bearer())).text()
    for (const claims of [{ roles: [] }, { exp: 1 }, { aud: all }, { sub: `ada`, nbf: 9e9 }]) await server.ask(chatRequest(all), await bearer(claims))
    for (const headers of [
      { authorization: `Basic ${all.replaceAll('\n', '')}` },
      { authorization: `Bearer ${key}` },
      { 'x-api-key': `${key}x` },
      { 'x-api-key': key, authorization: `Bearer ${key}` },
    ])
      await server.ask(chatRequest(all), headers)
    const failing = served(wholeGuard({ log, policy: { evaluator: { evaluate: () => Promise.reject(new TypeError(all)) } } }))
    await failing.ask(chatRequest(all), await bearer())
    await log.close()

    const bytes = bytesIn(folder)
    let records = 0
    for await (const { text } of storedEntries(folder)) if (JSON.parse(text) !== undefined) records++
    assert.ok(records > 100, `${records} records`)
    // Those that stand there can be found: the look itself is not blind.
    assert.ok(bytes.includes('ada') && bytes.includes('analysts-chat'))
    const words = [
      'perspicacious',
      'sesquipedalian',
      'antidisestablishment',
      ...tokens,
      ...tokens.flatMap((token) => token.split('.')).filter((part) => part.length > 60),
      ...Object.values(secrets),
    ]
    const found: string[] = []
    for (const word of words)
      for (const spelling of spellingsOf(word)) {
        const at = bytes.indexOf(spelling)
        if (at !== -1) found.push(bytes.subarray(Math.max(0, at - 60), at + spelling.length + 20).toString())
      }
    assert.deepEqual(found, [])
  })
})

function group(records: readonly DecisionRecord[]): Map<string, DecisionRecord[]> {
  const groups = new Map<string, DecisionRecord[]>()
  for (const record of records) groups.set(record.task, [...(groups.get(record.task) ?? []), record])
  return groups
}
