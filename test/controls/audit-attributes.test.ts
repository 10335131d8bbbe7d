import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entryText } from '../../src/audit-log/record.ts'
import { attributeOpener } from '../../src/audit-log/sealed-attributes.ts'
import { type AuditOptions, audit } from '../../src/controls/audit.ts'
import type { Control } from '../../src/guard/control.ts'
import { type DecisionGrounds, groundsHolderOf, noteGrounds } from '../../src/guard/decision-grounds.ts'
import { denied, GuardError } from '../../src/guard/errors.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { audited, own, pairOf, tokenOf } from './audited.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const ada = { credentials: { authorization: tokenOf('ada') } }
const key = new Uint8Array(32).fill(7)

const read: DecisionGrounds = {
  paths: ['context.risk', 'subject.claims.email', 'subject.roles'],
  values: () => [0.25, 'ada@secret.example', ['analyst']],
  elevated: [],
}

/** Notes what a decision was made of, as `authorize` does, and then does what else is asked. */
function grounded(grounds: DecisionGrounds, then: () => void = () => {}): Control {
  return own({
    enter(_call, step) {
      noteGrounds(step, grounds)
      then()
    },
  })
}

async function recorded(options: Partial<AuditOptions>, control: Control): Promise<ReturnType<typeof pairOf>> {
  const log = recordingLog()
  const chat = audited({ log, ...options }, [control]).protect(() => 'answer', operation)
  await chat('input', ada).catch(() => {})
  return pairOf(log.entries)
}

describe('the attributes in the record of a decision', () => {
  it('are sealed with the call, and nobody finds a value in the log', async () => {
    const { decision, outcome } = await recorded({ sealAttributes: key }, grounded(read))
    const { paths, sealed } = decision.attributes ?? { paths: [] }
    assert.deepEqual(paths, read.paths)
    assert.deepEqual(await attributeOpener([key]).open(decision.id, sealed ?? ''), {
      'context.risk': 0.25,
      'subject.claims.email': 'ada@secret.example',
    })
    for (const record of [decision, outcome]) for (const secret of ['0.25', 'ada@secret']) assert.equal(entryText(record).includes(secret), false)
    assert.equal(outcome.attributes, undefined)
  })

  it('are named without their values where there is no key, and digested where contents are', async () => {
    assert.deepEqual((await recorded({}, grounded(read))).decision.attributes, { paths: read.paths })
    const digested = (await recorded({ content: 'digest', digestKey: key }, grounded(read))).decision.attributes
    assert.deepEqual(Object.keys(digested ?? {}), ['digest', 'paths'])
  })

  it('are not there where nothing was read, and where nothing says what was', async () => {
    assert.equal('attributes' in (await recorded({ sealAttributes: key }, grounded({ ...read, paths: [], values: () => [] }))).decision, false)
    assert.equal('attributes' in (await recorded({ sealAttributes: key }, own({}))).decision, false)
  })

  it('stand in the record of a refusal as well', async () => {
    const refusing = grounded(read, () => {
      throw denied({ allowed: false, policy: { id: 'support', version: '7' }, reasons: [], obligations: [] })
    })
    const { decision, outcome } = await recorded({ sealAttributes: key }, refusing)
    assert.equal(decision.allowed, false)
    assert.deepEqual(decision.attributes?.paths, read.paths)
    assert.ok(decision.attributes?.sealed?.startsWith('a256gcm:'))
    assert.deepEqual([decision.permitted, outcome.attributes], [undefined, undefined])
  })

  it('come with whether policy had permitted what something else refused', async () => {
    const refusing = grounded(read, () => {
      throw new GuardError('limit_exceeded')
    })
    const { decision } = await recorded({ sealAttributes: key }, refusing)
    assert.deepEqual([decision.allowed, decision.permitted, decision.code], [false, true, 'limit_exceeded'])
  })

  it('come with the roles that the caller had, and with those that it had for a while', async () => {
    const { decision, outcome } = await recorded({}, grounded({ ...read, elevated: ['admin'] }))
    assert.deepEqual([decision.subject?.roles, decision.subject?.elevated], [['analyst'], ['admin']])
    assert.deepEqual([outcome.subject?.roles, outcome.subject?.elevated], [['analyst'], undefined])
    const { decision: plain } = await recorded({}, grounded(read))
    assert.equal(plain.subject !== undefined && 'elevated' in plain.subject, false)
    // As canonical JSON, like every record.
    assert.equal(entryText(decision).indexOf('"elevated"') < entryText(decision).indexOf('"issuer"'), true)
  })

  const unreadable: DecisionGrounds = {
    ...read,
    values() {
      throw new Error('a getter')
    },
  }

  it('that cannot be read keep the function from running, and the refusal is recorded without them', async () => {
    let ran = false
    const told: unknown[] = []
    const log = recordingLog()
    const options = { log, sealAttributes: key, onError: (error: unknown) => void told.push(error) }
    const chat = audited(options, [grounded(unreadable)]).protect(() => void (ran = true), operation)
    await assert.rejects(async () => chat('x', ada), { code: 'audit_unavailable' })
    assert.equal(ran, false)
    const { decision } = pairOf(log.entries)
    assert.deepEqual([decision.allowed, decision.code, decision.attributes], [false, 'audit_unavailable', undefined])
    assert.equal(told.length, 1)
  })

  it('that cannot be read are left out, and somebody is told, where calls go on without their record', async () => {
    const told: unknown[] = []
    const log = recordingLog()
    const options = { log, sealAttributes: key, onFailure: 'degrade', onError: (error: unknown) => void told.push(error) } as const
    assert.equal(await audited(options, [grounded(unreadable)]).protect(() => 'answer', operation)('x', ada), 'answer')
    const { decision } = pairOf(log.entries)
    assert.deepEqual([decision.allowed, decision.attributes], [true, undefined])
    assert.equal(told.length, 1)
  })

  it('are forgotten when the call has ended', async () => {
    let seen: Parameters<typeof groundsHolderOf>[0] | undefined
    const noting = own({
      enter(_call, step) {
        seen = step
        noteGrounds(step, read)
      },
    })
    await recorded({}, noting)
    assert.ok(seen !== undefined)
    assert.equal(groundsHolderOf(seen), undefined)
  })
})

describe('audit({ sealAttributes })', () => {
  it('wants a key of 32 bytes, keeps a copy of it and does not show it', async () => {
    for (const sealAttributes of [new Uint8Array(31), new Uint8Array(64), 'x'.repeat(32), null])
      assert.throws(() => audit({ log: memoryLog(), sealAttributes } as AuditOptions), TypeError)
    const mine = Uint8Array.from(key)
    const log = recordingLog()
    const chain = audited({ log, sealAttributes: mine }, [grounded(read)])
    mine.fill(0)
    assert.equal(JSON.stringify(chain.describe()).includes('7,7,7'), false)
    await chain.protect(() => 'answer', operation)('x', ada)
    const { decision } = pairOf(log.entries)
    assert.ok((await attributeOpener([key]).open(decision.id, decision.attributes?.sealed ?? '')) !== undefined)
  })
})
