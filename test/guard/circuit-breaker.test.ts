import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CircuitBreaker } from '../../src/guard/circuit-breaker.ts'

test('after three failures in a row one at a time may ask, until one succeeds', () => {
  const breaker = new CircuitBreaker()
  breaker.failed()
  breaker.failed()
  breaker.succeeded()
  for (let failure = 0; failure < 3; failure++) {
    assert.ok(breaker.admits() && breaker.admits())
    breaker.failed()
  }
  assert.ok(breaker.admits() && !breaker.admits() && !breaker.admits())
  breaker.failed()
  assert.ok(breaker.admits() && !breaker.admits())
  breaker.succeeded()
  assert.ok(breaker.admits() && breaker.admits())
})
