import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GuardError, toProblem } from '../../src/guard/errors.ts'

const own = { type: 'urn:sallyport:problem:limit_exceeded', title: 'A limit was reached.', status: 429, code: 'limit_exceeded' }

test('a problem says what its code says, and what a standard has for it beside', () => {
  assert.deepEqual(toProblem(new GuardError('limit_exceeded')), own)
  const type = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
  const problem = { type, 'violated-policies': ['minute'] }
  assert.deepEqual(toProblem(new GuardError('limit_exceeded', { problem })), { ...own, ...problem })
})

test('what another copy of this package put into a problem is told only where it is what it should be', () => {
  for (const problem of [
    null,
    'text',
    7,
    { type: 7 },
    { type: 'not a URI' },
    { type: 'https://x.example/\n' },
    { type: `https://x.example/${'x'.repeat(300)}` },
    { 'violated-policies': 'minute' },
    { 'violated-policies': ['minute', 7] },
    { secret: 'hunter2', status: 200, code: 'ok' },
  ])
    assert.deepEqual(toProblem(Object.assign(new GuardError('limit_exceeded'), { problem })), own)
})
