import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../../src/audit-log/canonical-json.ts'
import { type AuditRecord, entryText, maxEntryBytes, parseEntry } from '../../src/audit-log/record.ts'
import { sampleRecord } from './records.ts'

describe('the text of an entry', () => {
  it('is the canonical JSON of the record', () => {
    const record = { ...sampleRecord(1), reason: undefined, tools: ['search'] }
    assert.equal(entryText(record), canonicalJson(record))
    assert.deepEqual(parseEntry(entryText(record)), JSON.parse(JSON.stringify(record)))
  })

  it('is one line, whatever stands in a field', () => {
    const forged = `x"\n${entryText(sampleRecord(2))}\n= 2 AAAA\r\u2028\u0000`
    const text = entryText({ ...sampleRecord(1), action: forged, reason: forged, resource: { id: forged, type: forged } })
    for (const character of '\n\r\u0000') assert.equal(text.includes(character), false)
    assert.equal((parseEntry(text) as { action?: unknown })?.action, forged)
  })

  it('fits into an entry bundle and stays valid, whatever the record holds', () => {
    const odd = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\ud800'), fc.constant('ł'.repeat(70_000)), fc.constant('\u0001'.repeat(20_000)))
    fc.assert(
      fc.property(odd, odd, fc.array(odd, { maxLength: 100 }), (reason, id, tools) => {
        const record = {
          ...sampleRecord(1),
          allowed: false,
          id,
          reason,
          tools,
          subject: { issuer: reason, key: id, kind: 'user' as const, roles: tools, subject: id },
        }
        const text = entryText(record)
        assert.ok(Buffer.byteLength(text) <= maxEntryBytes)
        const parsed = parseEntry(text)
        assert.equal(parsed?.kind, 'decision')
        assert.equal(canonicalJson(parsed), text)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps what it is about when it must be cut, and says that it was cut', () => {
    // Six bytes each in JSON: so that not even short texts and short lists of them fit.
    const long = '\u0001'.repeat(200)
    const many = Array<string>(20).fill(long)
    const record: AuditRecord = {
      ...sampleRecord(1),
      allowed: false,
      code: 'denied',
      reason: long,
      tools: many,
      obligations: many,
      fulfilled: many,
      rules: many.map((rule) => ({ effect: 'forbid', rule })),
      subject: { actors: many.map((subject) => ({ issuer: long, subject })), issuer: long, key: 'ada', kind: 'user', roles: many, subject: 'ada' },
    }
    const parsed = parseEntry(entryText(record))
    assert.ok(parsed?.kind === 'decision')
    assert.equal(parsed.truncated, true)
    assert.equal(parsed.id, 'call-1')
    assert.equal(parsed.allowed, false)
    assert.equal(parsed.code, 'denied')
    assert.equal(parsed.subject?.key, 'ada')
    assert.equal(parsed.time, record.time)
    assert.equal(parsed.tools, undefined)
  })

  it('is whole where it let a call in, but for comments, or there is none', () => {
    const odd = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constant('ł'.repeat(12_000)),
      fc.constant('\u0001'.repeat(4_000)),
      fc.constant('x'.repeat(70_000)),
    )
    fc.assert(
      fc.property(odd, odd, fc.array(odd, { maxLength: 8 }), (reason, sealed, texts) => {
        const record: AuditRecord = { ...sampleRecord(1), attributes: { paths: texts, sealed }, model: reason, obligations: texts, tools: texts }
        let text: string
        try {
          text = entryText(record)
        } catch (error) {
          assert.ok(error instanceof RangeError)
          assert.ok(Buffer.byteLength(canonicalJson({ attributes: record.attributes, model: record.model }).toWellFormed()) > 60_000)
          return
        }
        const parsed = parseEntry(text)
        assert.ok(parsed?.kind === 'decision' && Buffer.byteLength(text) <= maxEntryBytes)
        assert.equal(parsed.truncated, undefined)
        assert.deepEqual(parsed.attributes, { paths: texts.map((one) => one.toWellFormed()), sealed: sealed.toWellFormed() })
        assert.equal(parsed.model, reason.toWellFormed())
        if (parsed.shortened === undefined)
          assert.deepEqual(
            parsed.tools,
            texts.map((one) => one.toWellFormed()),
          )
      }),
      { numRuns: 60 },
    )
  })

  it('cuts no more than it must', () => {
    const parsed = parseEntry(entryText({ ...sampleRecord(1), reason: 'x'.repeat(70_000), model: 'gpt-5' }))
    assert.ok(parsed?.kind === 'decision')
    assert.equal(parsed.reason, `${'x'.repeat(1024)}…`)
    assert.equal(parsed.model, 'gpt-5')
    assert.deepEqual(parsed.shortened, ['reason'])
    assert.equal(parsed.truncated, undefined)
    const exact = 'x'.repeat(maxEntryBytes - entryText({ ...sampleRecord(1), reason: '' }).length)
    assert.equal(entryText({ ...sampleRecord(1), reason: exact }).length, maxEntryBytes)
    assert.equal(parseEntry(entryText({ ...sampleRecord(1), reason: exact }))?.version, 1)
  })
})

describe('an entry that is read', () => {
  it('is no record when it is not JSON, has no kind or no time', () => {
    for (const text of [
      '',
      'x',
      'null',
      '[]',
      '{}',
      '{"kind":"decision"}',
      '{"kind":1,"time":1}',
      '{"kind":"decision","time":"1"}',
      '{"kind":"decision","time":1',
    ])
      assert.equal(parseEntry(text), undefined)
  })

  it('is a record when it is of a newer kind', () => {
    assert.deepEqual(parseEntry('{"kind":"newer","time":1,"version":2}'), { kind: 'newer', time: 1, version: 2 })
  })
})
