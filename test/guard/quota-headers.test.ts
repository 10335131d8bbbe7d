import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quotaHeaders } from '../../src/guard/quota-headers.ts'

test('says what is left of each limit, in fields that a header can hold whatever a limit is called', () => {
  const limits = [
    { name: 'minute', limit: 60, remaining: 58.5, reset: 29.2, unit: 'requests', window: 60 },
    { name: 'day', limit: 1e18, remaining: -1, reset: Number.POSITIVE_INFINITY, unit: 'tokens', window: 86_400 },
    { name: 'open', limit: 3, remaining: 2, reset: 0, unit: 'concurrent' },
    { name: 'a "b" \\ é\r\n', limit: Number.NaN, remaining: 1, reset: 1 },
  ] as const
  assert.deepEqual(quotaHeaders({ limits }), {
    ratelimit: '"minute";r=58;t=30, "day";r=0;t=999999999999999, "open";r=2, "a \\"b\\" \\\\ ???";r=1;t=1',
    'ratelimit-policy':
      '"minute";q=60;w=60, "day";q=999999999999999;sallyport-unit="tokens";w=86400, "open";q=3;qu="concurrent-requests", "a \\"b\\" \\\\ ???";q=0',
  })
  assert.doesNotThrow(() => new Headers(quotaHeaders({ limits })))
  assert.deepEqual(quotaHeaders(undefined), {})
  assert.deepEqual(quotaHeaders({ limits: [] }), {})
})
