import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isWithin, parseAddress, parseAddressRange } from '../../src/policy/address-range.ts'

function within(address: string, network: string): boolean | undefined {
  const range = parseAddressRange(network)
  assert.ok(range, `${network} is a network`)
  const parsed = parseAddress(address)
  return parsed === undefined ? undefined : isWithin(parsed, range)
}

test('tells whether an address lies in a network', () => {
  for (const [address, network, expected] of [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.0.0.0', '10.0.0.0/8', false],
    ['192.168.1.129', '192.168.1.128/25', true],
    ['192.168.1.127', '192.168.1.128/25', false],
    ['1.2.3.4', '1.2.3.4/32', true],
    ['1.2.3.5', '1.2.3.4/32', false],
    ['255.255.255.255', '0.0.0.0/0', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['::1', '::1/128', true],
    ['::', '::/0', true],
    ['fe80::1', 'fe80::/10', true],
    ['febf::1', 'fe80::/10', true],
    ['fec0::1', 'fe80::/10', false],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8/128', true],
    ['1::8', '1:0:0:0:0:0:0:8/128', true],
    // An IPv4 address in an IPv6 coat is the IPv4 address, on either side.
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:0a01:0203', '10.0.0.0/8', true],
    ['10.1.2.3', '::ffff:10.0.0.0/104', true],
    ['::ffff:11.0.0.0', '10.0.0.0/8', false],
    ['10.1.2.3', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['64:ff9b::10.0.0.1', '64:ff9b::/96', true],
  ] as const)
    assert.equal(within(address, network), expected, `${address} in ${network}`)
})

test('refuses what is no address', () => {
  for (const text of [
    '',
    ' ',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.04',
    '0x10.1.1.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '1.2.3.4/32',
    '+1.2.3.4',
    '1e1.2.3.4',
    '١.2.3.4',
    '1..2.3',
    '16909060',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1::2',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    ':1::',
    '1::2:',
    '::ffff:256.0.0.1',
    `${'0'.repeat(100)}::1`,
  ])
    assert.equal(parseAddress(text), undefined, text)
})

test('reads an IPv6 address however it is shortened', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.nat(128), (address, bits) => {
      const groups = parseAddress(address)
      assert.ok(groups, address)
      const long = groups.map((group) => group.toString(16)).join(':')
      if (groups.length === 8) assert.deepEqual(parseAddress(long), groups)
      // An address lies in its own network of any size, and that network has no bits behind its prefix.
      const network = groups.map(
        (group, index) => group & (bits - index * 16 >= 16 ? 0xffff : bits - index * 16 <= 0 ? 0 : (0xffff << (16 - bits + index * 16)) & 0xffff),
      )
      if (groups.length === 8 && !(network[5] === 0xffff && network.slice(0, 5).every((group) => group === 0)))
        assert.equal(within(address, `${network.map((group) => group.toString(16)).join(':')}/${bits}`), true)
    }),
  )
})

test('reads every IPv4 address', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 1, max: 32 }), (address, other, bits) => {
      const number = (text: string): number => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
      const size = 2 ** (32 - bits)
      const base = Math.floor(number(address) / size) * size
      const network = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')
      assert.equal(within(address, `${network}/${bits}`), true)
      assert.equal(within(other, `${network}/${bits}`), Math.floor(number(other) / size) * size === base)
    }),
  )
})
