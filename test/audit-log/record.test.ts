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

  it('cuts no more than it must', () => {
    const parsed = parseEntry(entryText({ ...sampleRecord(1), reason: 'x'.repeat(70_000), model: 'gpt-5' }))
    assert.ok(parsed?.kind === 'decision')
    assert.equal(parsed.reason, `${'x'.repeat(1024)}…`)
    assert.equal(parsed.model, 'gpt-5')
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
