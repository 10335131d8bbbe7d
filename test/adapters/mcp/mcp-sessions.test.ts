import assert from 'node:assert/strict'
import { test } from 'node:test'
import { McpSessions } from '../../../src/adapters/mcp/mcp-sessions.ts'
import { makeIdentity } from '../../../src/identity/make-identity.ts'
import { memoryState } from '../../../src/state/memory-state.ts'
import { testClock } from '../../../src/testing/test-clock.ts'

test('a session belongs to one caller in one tenant', async () => {
  const clock = testClock()
  const sessions = new McpSessions(memoryState(), 'orders', 1_000)
  const identity = (subject: string, tenant?: string) =>
    makeIdentity({ subject, issuer: 'https://id.example', expiresAt: Number.POSITIVE_INFINITY, ...(tenant !== undefined && { tenant }) })
  await sessions.bind('s', identity('ada', 'acme'), clock)
  assert.equal(await sessions.belongs('s', identity('ada', 'acme'), clock), true)
  for (const other of [identity('ada', 'globex'), identity('ada'), identity('bob', 'acme')])
    assert.equal(await sessions.belongs('s', other, clock), false)
  assert.equal(await sessions.belongs('t', identity('ada', 'acme'), clock), false)
})
