import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Call,
  type Decision,
  detectors,
  encryptPayload,
  type EncryptFieldsOptions,
  guard,
  type Identity,
  isSealedText,
  localKeys,
  maskData,
  unaudited,
} from '../../src/index.ts'
import { builtIn } from '../../src/guard/control.ts'

const k1 = Uint8Array.from({ length: 32 }, (_, index) => index)
const keys = localKeys({ primary: 'k1', keys: { k1 } })
const refused = { code: 'decryption_failed' }

function identityOf(tenant: string): Identity {
  const base = { kind: 'user', roles: [], scopes: [], claims: {}, actors: [], assurance: { amr: [] }, expiresAt: Number.POSITIVE_INFINITY } as const
  return { ...base, key: 'k', subject: 'ada', issuer: 'i', tenant }
}

/** The real engine around a function that stands for a store that is not trusted. */
function guarded<O>(options: Partial<EncryptFieldsOptions>, store: (input: unknown) => O, tenant: () => string = () => 'acme') {
  const decision: Decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }
  return guard({ onError: () => {} })
    .use(unaudited())
    .use(builtIn<Call, { identity: Identity }>('who', { enter: () => ({ identity: identityOf(tenant()) }) }, { adds: ['identity'] }, {}))
    .use(
      encryptPayload({
        keys,
        direction: 'both',
        fields: ['/notes/*/text', '/card'],
        context: (call) => ({ tenant: call.identity.tenant }),
        ...options,
      }),
    )
    .use(builtIn<Call, { decision: Decision }>('may', { enter: () => ({ decision }) }, { adds: ['decision'] }, {}))
    .protect((input: unknown) => store(input), { action: 'write', resource: { type: 'notes', id: 'n' } })
}

const note = {
  notes: [
    { text: 'one', id: 1 },
    { text: 'two', id: 2 },
  ],
  card: { number: 5 },
  open: 'this is read',
}

describe('fields', () => {
  test('are sealed on the way out and opened on the way back', async () => {
    let seen: unknown
    const call = guarded({}, (input) => {
      seen = input
      return input
    })
    assert.deepEqual(await call(note), note)
    const { notes, card, open } = seen as { notes: { text: string; id: number }[]; card: string; open: string }
    assert.ok([notes[0]?.text, notes[1]?.text, card].every(isSealedText))
    assert.deepEqual([notes[0]?.id, open], [1, 'this is read'])
    assert.ok(!JSON.stringify(seen).includes('one'))
  })

  test('are opened in every part of a stream', async () => {
    const call = guarded({}, async function* (input) {
      yield input
      yield { progress: 1 }
      yield input
    })
    const parts: unknown[] = []
    for await (const part of await call(note)) parts.push(part)
    assert.deepEqual(parts, [note, { progress: 1 }, note])
  })

  test('A20: of somebody else, of another field, changed, or in clear are refused on the way back', async () => {
    let tenant = 'acme'
    let stored: unknown
    const write = guarded({ direction: 'request' }, (input) => {
      stored = input
      return null
    })
    await write(note)
    const read = guarded(
      { direction: 'response' },
      (input) => input,
      () => tenant,
    )
    assert.deepEqual(await read(stored), note)
    const sealed = stored as { notes: { text: string; id: number }[]; card: string }
    const changed = `${sealed.card.slice(0, -5)}AAAAA`
    for (const wrong of [
      { ...sealed, card: sealed.notes[0]?.text },
      { ...sealed, notes: [{ text: sealed.card }] },
      { ...sealed, card: changed },
      { ...sealed, card: 'in clear' },
      { ...sealed, card: { number: 5 } },
      { ...sealed, card: 'spe1.' },
      { ...sealed, card: 'spe1.****' },
    ])
      await assert.rejects(read(wrong), refused)
    tenant = 'other'
    await assert.rejects(read(stored), refused)
  })

  test('A20: that changed places in a list or an object, were repeated, or moved up after one was left out are refused', async () => {
    let stored: unknown
    const fields = ['/notes/*/text', '/more/*']
    const long = { notes: [1, 2, 3].map((id) => ({ id, text: `note ${id}` })), more: { a: 'one', b: 'two' } }
    await guarded({ fields, direction: 'request' }, (input) => (stored = input))(long)
    const read = guarded({ fields, direction: 'response' }, (input) => input)
    assert.deepEqual(await read(stored), long)
    const { notes, more } = stored as { notes: readonly object[]; more: { a: string; b: string } }
    for (const wrong of [
      { notes: [notes[1], notes[0], notes[2]], more },
      { notes: [notes[0], notes[0], notes[2]], more },
      { notes: [notes[0], notes[2]], more },
      { notes: { 0: notes[1] }, more },
      { notes, more: { a: more.b, b: more.a } },
      { notes, more: { a: more.a, c: more.b } },
    ])
      await assert.rejects(read(wrong), refused)
    assert.deepEqual(await read({ notes: notes.slice(0, 2), more }), { ...long, notes: long.notes.slice(0, 2) })
  })

  test('may change places in a list where that was asked for, and not otherwise', async () => {
    const reversed = (input: unknown): unknown => ({ ...(input as typeof note), notes: [...(input as typeof note).notes].reverse() })
    const order = 'free'
    assert.deepEqual(await guarded({ order }, reversed)(note), reversed(note))
    await assert.rejects(guarded({}, reversed)(note), refused)
    let stored: unknown
    await guarded({ order, direction: 'request' }, (input) => (stored = input))(note)
    await assert.rejects(guarded({ direction: 'response' }, () => stored)(note), refused)
    const moved = { ...note, card: (stored as typeof note).notes[0]?.text }
    await assert.rejects(guarded({ order, direction: 'response' }, () => moved)(note), refused)
  })

  test('in clear pass on the way back where that was asked for, and what is sealed is opened all the same', async () => {
    const lenient = guarded({ required: false }, (input) => ({ ...(input as object), card: 'in clear' }))
    assert.deepEqual(await lenient(note), { ...note, card: 'in clear' })
  })

  test('that are not there refuse: what should be sealed may stand somewhere else', async () => {
    let calls = 0
    const store = (input: unknown): unknown => {
      calls++
      return input
    }
    await assert.rejects(guarded({}, store)({ notes: [{ text: 'one' }], Card: 5 }), { code: 'payload_unsupported' })
    await assert.rejects(guarded({}, store)({ notes: [], card: 5 }), { code: 'payload_unsupported' })
    assert.equal(calls, 0)
    const lenient = guarded({ required: false }, store)
    assert.deepEqual(await lenient({ card: 5 }), { card: 5 })
  })

  test('are not sealed for nobody: a context that is empty, late or wrong refuses', async () => {
    const wrong: readonly unknown[] = [
      () => ({}),
      () => undefined,
      async () => ({ tenant: 'acme' }),
      () => ({ tenant: undefined }),
      () => ({ tenant: '' }),
      () => ({ field: '/mine', tenant: 'acme' }),
      () => ({ tennant: 'acme' }),
    ]
    for (const context of wrong)
      await assert.rejects(guarded({ context: context as EncryptFieldsOptions['context'] }, () => assert.fail('ran'))(note), {
        code: 'misconfigured',
      })
  })

  test('are sealed after masking, which finds what it looks for and nothing in what is sealed', async () => {
    const decision: Decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }
    const seen: string[] = []
    const call = guard({ onError: () => {} })
      .use(unaudited())
      .use(builtIn<Call, { identity: Identity }>('who', { enter: () => ({ identity: identityOf('acme') }) }, { adds: ['identity'] }, {}))
      .use(encryptPayload({ keys, direction: 'both', fields: ['/messages/*/content'], context: () => ({ tenant: 'acme' }) }))
      .use(builtIn<Call, { decision: Decision }>('may', { enter: () => ({ decision }) }, { adds: ['decision'] }, {}))
      .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
      .protect(
        (input: { model: string; messages: { role: 'user'; content: string }[] }) => {
          seen.push(...input.messages.map(({ content }) => content))
          return { model: 'm', sealed: true }
        },
        { action: 'chat', resource: { type: 'model', id: 'm' } },
      )
    await assert.rejects(call({ model: 'm', messages: [{ role: 'user', content: 'write to ada@example.org' }] }))
    const [token] = seen
    assert.ok(isSealedText(token))
    const read = guarded({ direction: 'response', fields: ['/messages/*/content'], context: () => ({ tenant: 'acme' }) }, (input) => input)
    assert.deepEqual(await read({ messages: [{ content: token }] }), { messages: [{ content: 'write to [EMAIL]' }] })
  })

  test('A28: refuse where the keys are not there, before the function runs', async () => {
    const down = { ...keys, generate: () => Promise.reject(new Error('down')) }
    const call = guarded({ keys: down, dataKeys: { retries: 0 } }, () => assert.fail('ran'))
    await assert.rejects(call(note), { code: 'keys_unavailable' })
  })

  test('take options that are right', () => {
    const right: EncryptFieldsOptions = { keys, direction: 'both', fields: ['/a'], context: () => ({ tenant: 'a' }) }
    for (const wrong of [
      { fields: [] },
      { fields: ['a'] },
      { fields: '/a' },
      { fields: [''] },
      { context: undefined },
      { keys: localKeys },
      { direction: 'in' },
      { origin: 'https://a.example' },
      { suite: 'none' },
      { order: 'any' },
    ])
      assert.throws(() => encryptPayload({ ...right, ...wrong } as EncryptFieldsOptions), TypeError)
    assert.deepEqual(encryptPayload(right).details.fields, ['/a'])
  })
})
