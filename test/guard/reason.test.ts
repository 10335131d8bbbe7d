import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GuardError, reasonOf } from '../../src/guard/errors.ts'

describe('the reason that the log gives', () => {
  it("is a refusal's own", () => {
    assert.equal(reasonOf(new GuardError('denied', { reason: 'no rule permits it' })), 'no rule permits it')
    assert.equal(reasonOf(new GuardError('denied')), '')
    assert.equal(reasonOf(undefined), '')
  })

  it('follows refusals that led to others, and says their codes', () => {
    const inner = new GuardError('limits_unavailable', { reason: 'the store is down' })
    assert.equal(
      reasonOf(new GuardError('denied', { reason: 'a sub-agent was refused', cause: inner })),
      'a sub-agent was refused: limits_unavailable: the store is down',
    )
  })

  it('never has the message of an error that was not made for it', () => {
    const secret = 'sk-live-4242'
    const parser = (() => {
      try {
        return JSON.parse(secret)
      } catch (error) {
        return error
      }
    })()
    class ApiError extends Error {
      override readonly name = 'ApiError'
      readonly code = 'ECONNREFUSED'
    }
    const odd = Object.assign(new Error(secret), { name: `x\n${secret}`, code: secret })
    for (const error of [parser, new ApiError(secret), odd, secret, { message: secret }, new Error(secret)]) {
      assert.equal(reasonOf(error)?.includes('sk-live'), false)
      assert.equal(reasonOf(new GuardError('payload_invalid', { reason: 'not JSON', cause: error }))?.includes('sk-live'), false)
    }
    assert.equal(reasonOf(new ApiError(secret)), 'ApiError ECONNREFUSED')
    assert.equal(reasonOf(new GuardError('payload_invalid', { reason: 'not JSON', cause: parser })), 'not JSON: SyntaxError')
    assert.equal(reasonOf(odd), 'Error')
    assert.equal(reasonOf(secret), 'a thrown string')
  })

  it('is short, also for a cause that is its own cause', () => {
    assert.equal(reasonOf(new GuardError('denied', { reason: 'x'.repeat(5_000) }))?.length, 1_000)
    const circular = new Error('x')
    circular.cause = circular
    assert.equal(reasonOf(circular), 'Error: Error: Error: Error')
  })
})
