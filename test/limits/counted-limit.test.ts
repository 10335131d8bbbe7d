import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quotaHeaders } from '../../src/guard/quota-headers.ts'
import type { Refusal } from '../../src/limits/limit-store.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { limitExceeded } from '../../src/limits/counted-limit.ts'

const minute = { limit: planLimit({ name: 'minute', requests: 60, window: 60 }), key: 'k' }
const tokens = { limit: planLimit({ name: 'tokens', tokens: 1_000, window: 3600.5 }), key: 'k' }
const parallel = { limit: planLimit({ name: 'parallel', concurrent: 1 }), key: 'k' }

function refusal(...args: Parameters<ReturnType<typeof memoryLimits>['reserve']>): Refusal {
  const store = memoryLimits()
  for (;;) {
    const answer = store.reserve(...args)
    if (!answer.allowed) return answer
  }
}

test('a quota is told in the fields of the draft', () => {
  const answer = memoryLimits().reserve([minute, tokens, parallel], { requests: 1, tokens: 100, concurrent: 1 }, 0)
  assert.ok(answer.allowed)
  assert.deepEqual(quotaHeaders({ limits: answer.limits }), {
    ratelimit: '"minute";r=59;t=1, "tokens";r=900;t=361, "parallel";r=0',
    'ratelimit-policy': '"minute";q=60;w=60, "tokens";q=1000;sallyport-unit="tokens";w=3601, "parallel";q=1;qu="concurrent-requests"',
  })
})

test('a quota that somebody else made is told as well, and cannot break a field', () => {
  const limits = [{ name: 'my "own"\r\nset-cookie: a=ü\\', limit: Number.NaN, remaining: -1.5, reset: Number.POSITIVE_INFINITY }]
  assert.deepEqual(quotaHeaders({ limits }), {
    ratelimit: '"my \\"own\\"??set-cookie: a=?\\\\";r=0;t=999999999999999',
    'ratelimit-policy': '"my \\"own\\"??set-cookie: a=?\\\\";q=0',
  })
  assert.deepEqual(quotaHeaders({ limits: [] }), {})
})

test('a refusal names the limits in the way and says when to come back, rounded up', () => {
  const error = limitExceeded(refusal([minute, tokens], { requests: 1, tokens: 1 }, 0))
  assert.equal(error.code, 'limit_exceeded')
  assert.equal(error.status, 429)
  assert.deepEqual(error.headers, { ratelimit: '"minute";r=0;t=1', 'ratelimit-policy': '"minute";q=60;w=60', 'retry-after': '1' })
  const both = limitExceeded(
    refusal([{ ...minute, limit: planLimit({ name: 'minute', requests: 1, window: 7 }) }, tokens], { requests: 1, tokens: 900 }, 0),
  )
  assert.deepEqual(both.headers, {
    ratelimit: '"minute";r=0;t=7, "tokens";r=100;t=2881',
    'ratelimit-policy': '"minute";q=1;w=7, "tokens";q=1000;sallyport-unit="tokens";w=3601',
    'retry-after': '2881',
  })
})

test('the time to come back is a whole number of seconds from one up, whatever a store says', () => {
  for (const [retryAfter, expected] of [
    [0, '1'],
    [Number.NaN, '1'],
    [-5, '1'],
    [0.2, '1'],
    [29.001, '30'],
    [Number.POSITIVE_INFINITY, '60'],
  ] as const) {
    const violated = [{ name: 'minute', unit: 'requests', limit: 60, remaining: 0, reset: 0, window: 60, retryAfter } as const]
    assert.equal(limitExceeded({ allowed: false, violated, retryAfter }).headers['retry-after'], expected)
  }
  const concurrent = limitExceeded(refusal([parallel], { concurrent: 1 }, 0)).headers
  assert.deepEqual(concurrent, { ratelimit: '"parallel";r=0', 'ratelimit-policy': '"parallel";q=1;qu="concurrent-requests"', 'retry-after': '1' })
})
