import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTraceparent } from '../../src/guard/trace-context.ts'

const id = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

describe('a traceparent field (W3C Trace Context, section 3.2)', () => {
  it('is read in version 0, and in later versions that say more', () => {
    assert.deepEqual(parseTraceparent(`00-${id}-${parent}-01`), { id, parent, sampled: true })
    assert.deepEqual(parseTraceparent(`00-${id}-${parent}-00`), { id, parent, sampled: false })
    assert.deepEqual(parseTraceparent(`00-${id}-${parent}-fe`), { id, parent, sampled: false })
    assert.deepEqual(parseTraceparent(`cc-${id}-${parent}-01-what-the-future-is-like`), { id, parent, sampled: true })
    assert.deepEqual(parseTraceparent(`cc-${id}-${parent}-01`), { id, parent, sampled: true })
  })

  it('is passed over where it is of another form', () => {
    for (const field of [
      '',
      null,
      undefined,
      `00-${id}-${parent}`,
      `00-${id}-${parent}-01-more`,
      `00-${id}-${parent}-01-`,
      `ff-${id}-${parent}-01`,
      `cc-${id}-${parent}-01.more`,
      `00-${id.toUpperCase()}-${parent}-01`,
      `00-${'0'.repeat(32)}-${parent}-01`,
      `00-${id}-${'0'.repeat(16)}-01`,
      `00-${id.slice(1)}-${parent}-01`,
      `00-${id}-${parent}-1`,
      `00-${id}-${parent}-01, 00-${id}-${parent}-01`,
      ` 00-${id}-${parent}-01`,
      `00-${id}-${parent}-01\n`,
      `cc-${id}-${parent}-01-${'x'.repeat(1_000)}`,
    ])
      assert.equal(parseTraceparent(field), undefined, String(field))
  })
})
