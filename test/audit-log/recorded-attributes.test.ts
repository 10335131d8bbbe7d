import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AttributeRecorder } from '../../src/audit-log/attribute-recorder.ts'
import { keyedDigest } from '../../src/audit-log/keyed-digest.ts'
import { attributesKnown, type RecordedAttributes } from '../../src/audit-log/recorded-attributes.ts'
import type { DecisionRecord } from '../../src/audit-log/record.ts'
import { attributeOpener } from '../../src/audit-log/sealed-attributes.ts'
import type { DecisionGrounds } from '../../src/guard/decision-grounds.ts'
import { sampleRecord } from './records.ts'

const key = new Uint8Array(32).fill(3)
const opener = attributeOpener([key])

function grounds(values: Readonly<Record<string, unknown>>): DecisionGrounds {
  const paths = Object.keys(values).sort()
  return { paths, values: () => paths.map((path) => values[path]), elevated: [] }
}

async function record(values: Readonly<Record<string, unknown>>, more: Partial<DecisionRecord> = {}): Promise<DecisionRecord> {
  const attributes = await new AttributeRecorder(key).record('call-1', grounds(values), undefined)
  return JSON.parse(JSON.stringify({ ...sampleRecord(1), ...more, attributes })) as DecisionRecord
}

/** What a reader of the log finds for each of these paths: a value in a list, or nothing. */
async function known(written: DecisionRecord, paths: readonly string[]): Promise<unknown[]> {
  const sealed = written.attributes?.sealed
  const find = attributesKnown(written, sealed === undefined ? undefined : await opener.open('call-1', sealed))
  return paths.map((path) => {
    const found = find(path)
    return found === undefined ? 'not known' : [found.value]
  })
}

describe('what a record says of attributes', () => {
  it('tells values, what was missing, and what it does not know apart', async () => {
    const written = await record({
      'context.risk': 0.3,
      'context.list': ['a', 'b'],
      'context.flag': false,
      'context.null': null,
      'context.missing': undefined,
      'resource.owner': { id: 'secret' },
    })
    const paths = ['context.risk', 'context.list', 'context.flag', 'context.null', 'context.missing', 'resource.owner', 'context.other']
    assert.deepEqual(await known(written, paths), [[0.3], [['a', 'b']], [false], [null], [undefined], [{}], 'not known'])
  })

  it('knows nothing sealed without the key, and what the record says anyway', async () => {
    const subject = {
      actors: [{ subject: 'agent' }],
      binding: 'dpop',
      elevated: ['admin'],
      issuer: 'https://id.example',
      key: 'k',
      kind: 'user',
      roles: ['reader'],
      subject: 'ada',
    } as const
    const written = await record({ 'context.risk': 1, 'subject.tenant': 'acme', 'context.time': 5 }, { subject, model: 'gpt-5' })
    const find = attributesKnown(written, undefined)
    assert.equal(find('context.risk'), undefined)
    const values = {
      'subject.id': 'ada',
      'subject.type': 'user',
      'subject.roles': ['reader', 'admin'],
      'subject.elevated': ['admin'],
      'subject.tenant': undefined,
      'subject.binding': 'dpop',
      'subject.actor': 'agent',
      'subject.delegated': true,
      'action.name': 'chat',
      'action.model': 'gpt-5',
      'resource.id': 'gpt-5',
      'context.time': 5,
    }
    for (const [path, value] of Object.entries(values)) assert.deepEqual(find(path), { value }, path)
  })

  it('keeps no value in clear', async () => {
    const values = { 'context.email': 'ada@secret.example', 'context.amount': 417_734, 'resource.labels': ['harpoon'], 'subject.claims.team': 'Łódź' }
    const text = JSON.stringify(await record(values))
    for (const secret of ['secret', '417734', 'harpoon', 'Łódź']) assert.equal(text.includes(secret), false)
    for (const path of Object.keys(values)) assert.ok(text.includes(path))
  })

  it('keeps neither values nor their digest without a key, and digests that are equal for equal values where it digests', async () => {
    const bare = await new AttributeRecorder(undefined).record('a', grounds({ 'context.risk': 1 }), undefined)
    assert.deepEqual(bare, { digest: undefined, paths: ['context.risk'], sealed: undefined, time: undefined })
    const digester = keyedDigest(key)
    const digest = async (values: Record<string, unknown>): Promise<RecordedAttributes | undefined> =>
      new AttributeRecorder(undefined).record('a', grounds(values), digester)
    const [one, same, other] = await Promise.all([digest({ 'context.risk': 1 }), digest({ 'context.risk': 1 }), digest({ 'context.risk': 2 })])
    assert.match(one?.digest ?? '', /^hmac-sha256:/)
    assert.equal(one?.digest, same?.digest)
    assert.notEqual(one?.digest, other?.digest)
    assert.equal(one?.sealed, undefined)
  })

  it('says nothing where nothing was read, and seals nothing where the record says it all', async () => {
    assert.equal(await new AttributeRecorder(key).record('a', undefined, undefined), undefined)
    assert.equal(await new AttributeRecorder(key).record('a', grounds({}), undefined), undefined)
    const stated = await new AttributeRecorder(key).record('a', grounds({ 'subject.tenant': 'acme', 'context.time': 7 }), undefined)
    assert.deepEqual(stated, { digest: undefined, paths: ['context.time', 'subject.tenant'], sealed: undefined, time: 7 })
  })

  it('leaves out what is too long or no JSON, and does not take it for missing', async () => {
    const long = 'x'.repeat(2_000)
    const written = await record({
      'context.long': long,
      'context.many': Array(1_000).fill('x'),
      'context.nan': Number.NaN,
      'context.nested': [{ a: 1 }],
      'context.lone': '\ud800',
      'context.hole': [undefined],
      'context.risk': 1,
    })
    const paths = ['context.long', 'context.many', 'context.nan', 'context.nested', 'context.lone', 'context.hole']
    assert.deepEqual(await known(written, [...paths, 'context.risk']), [...paths.map(() => 'not known'), [1]])
    const all = Object.fromEntries(Array.from({ length: 50 }, (_, number) => [`context.a${number}`, 'x'.repeat(1_000)]))
    const many = await record(all)
    assert.ok((many.attributes?.sealed?.length ?? 0) < 16_000)
    const found = await known(many, Object.keys(all))
    assert.ok(found.includes('not known') && found.some((one) => Array.isArray(one)))
  })

  it('gives back every value that JSON can hold on its surface, and never another one', () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.string({ maxLength: 5 }).map((name) => `context.${name}`),
          fc.oneof(fc.jsonValue(), fc.constant(undefined)),
          { maxKeys: 6 },
        ),
        async (values) => {
          const { 'context.time': _, ...own } = values
          const found = await known(await record(own), Object.keys(own))
          for (const [index, [, value]] of Object.entries(own).entries()) {
            if (found[index] === 'not known') continue
            const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
            // JSON has no minus zero, and no test of a policy tells it from zero.
            assert.deepEqual(found[index], [isObject ? {} : value === undefined ? undefined : JSON.parse(JSON.stringify(value))])
          }
        },
      ),
      { numRuns: 200 },
    ))
})
