import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../src/guard/context.ts'
import { type AddressKeyOptions, byAddress } from '../../src/limits/by-address.ts'

function key(remoteAddress: string | undefined, options?: AddressKeyOptions): string {
  const channel = remoteAddress === undefined ? undefined : { secure: true, remoteAddress }
  return byAddress({ channel } as Partial<Call> as Call, options)
}

test('an address is its own key, however it is written', () => {
  assert.equal(key('192.0.2.1'), '192.0.2.1/32')
  assert.equal(key('::ffff:192.0.2.1'), '192.0.2.1/32')
  assert.equal(key('::FFFF:c000:0201'), '192.0.2.1/32')
  assert.equal(key('2001:db8::1', { ipv6Prefix: 128 }), '2001:db8:0:0:0:0:0:1/128')
  assert.equal(key('2001:0DB8:0:0:0:0:0:1', { ipv6Prefix: 128 }), '2001:db8:0:0:0:0:0:1/128')
  assert.equal(key('fe80::1%eth0', { ipv6Prefix: 128 }), 'fe80:0:0:0:0:0:0:1/128')
  assert.equal(key('64:ff9b::192.0.2.33', { ipv6Prefix: 128 }), '64:ff9b:0:0:0:0:c000:221/128')
  assert.equal(key('::'), '0:0:0:0:0:0:0:0/64')
})

test('who has one address of a network has them all', () => {
  assert.equal(key('2001:db8:1:2:aaaa::1'), key('2001:db8:1:2:bbbb::2'))
  assert.notEqual(key('2001:db8:1:2::1'), key('2001:db8:1:3::1'))
  assert.equal(key('2001:db8:1:2ff::1', { ipv6Prefix: 56 }), '2001:db8:1:200:0:0:0:0/56')
  assert.equal(key('2001:db8:1:2ff::1', { ipv6Prefix: 57 }), '2001:db8:1:280:0:0:0:0/57')
  assert.equal(key('198.51.100.77', { ipv4Prefix: 24 }), '198.51.100.0/24')
  assert.equal(key('198.51.100.77', { ipv4Prefix: 25 }), '198.51.100.0/25')
})

test('what is no address is no key', () => {
  for (const address of [
    undefined,
    '',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8',
    '12345::',
    '::192.0.2.300',
    'x'.repeat(1_000_000),
  ])
    assert.throws(() => key(address), { code: 'misconfigured' })
})

test('options that are none are a mistake', () => {
  for (const options of [
    { ipv6Prefix: 0 },
    { ipv6Prefix: 129 },
    { ipv6Prefix: 64.5 },
    { ipv4Prefix: 33 },
    { ipv4Prefix: '24' },
    { prefix: 64 },
    null,
  ])
    assert.throws(() => key('192.0.2.1', options as never), TypeError)
})
