import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverFacts } from '../../../src/adapters/redis/server-facts.ts'

test('what a server says of itself is read, and nothing is made up', () => {
  const info = '# Server\r\nredis_version:7.0.15\r\nserver_time_usec:1700000000123456\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\nrole:slave\r\n'
  assert.deepEqual(serverFacts(info), { isReplica: true, evictionPolicy: 'allkeys-lru', time: 1_700_000_000_123.456 })
  assert.deepEqual(serverFacts('# A\nmaxmemory_policy:noeviction\nrole:master'), { isReplica: false, evictionPolicy: 'noeviction' })
  assert.deepEqual(serverFacts('\nrole:replica\n'), { isReplica: true })
  assert.deepEqual(serverFacts('\nserver_time_usec:soon\nmaster_role:slave\nx maxmemory_policy:y'), {})
  assert.deepEqual(serverFacts(''), {})
})
