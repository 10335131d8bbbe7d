import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { consistencyPath, type HashReader, inclusionPath, isConsistent, rootFromInclusion, rootOf } from '../../src/audit-log/merkle-proof.ts'
import { emptyRoot, Frontier, leafHash, nodeHash } from '../../src/audit-log/merkle-tree.ts'
import { type Hash, nativeSha256, sha256, type SyncHash, webSha256 } from '../../src/audit-log/sha256.ts'
import { path, proof, treeHash } from './naive-tree.ts'

// The tree that the reference implementations of RFC 6962 are tested with, and its hashes.
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) =>
  Buffer.from(hex, 'hex'),
)
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
// Numbered from one, as in those tests.
const inclusions: readonly [leaf: number, size: number, path: readonly string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [3, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    2,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]
const consistencies: readonly [older: number, size: number, path: readonly string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 5, ['5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']],
  [
    6,
    7,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
]

const hash = native()
const entries = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 70 })

describe('the tree of RFC 9162', () => {
  it('has the published hashes at every size', () => {
    const frontier = new Frontier(hash)
    assert.equal(hex(frontier.root()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    for (const [index, leaf] of leaves.entries()) {
      frontier.push(hashed(leaf))
      assert.equal(hex(frontier.root()), roots[index])
    }
  })

  it('has the same root as the definition, by pushing and by reading subtrees', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        const frontier = new Frontier(hash)
        for (const entry of list) frontier.push(hashed(entry))
        assert.equal(hex(frontier.root()), hex(treeHash(list)))
        assert.equal(hex(await rootOf(reader(list), list.length)), hex(treeHash(list)))
      }),
      { numRuns: 50 },
    )
  })

  it('goes on from its right edge as if it had never stopped', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, cut) => {
        const at = cut % (list.length + 1)
        const first = new Frontier(hash)
        for (const entry of list.slice(0, at)) first.push(hashed(entry))
        const second = first.copy()
        for (const entry of list.slice(at)) second.push(hashed(entry))
        assert.equal(second.size, list.length)
        assert.equal(hex(second.root()), hex(treeHash(list)))
        assert.equal(hex(first.root()), hex(treeHash(list.slice(0, at))))
      }),
      { numRuns: 50 },
    )
  })

  it('keeps entries and nodes apart: an entry made of two hashes is not their node', async () => {
    const [left, right] = [hashed(Buffer.of(1)), hashed(Buffer.of(2))]
    assert.notEqual(await leafHash(Buffer.from(left + right, 'latin1')), await nodeHash(left, right))
    assert.equal(hex(await emptyRoot()), hex(treeHash([])))
  })
})

describe('an inclusion proof', () => {
  it('is the published one', async () => {
    for (const [leaf, size, expected] of inclusions) {
      const found = await inclusionPath(reader(leaves), leaf - 1, size)
      assert.deepEqual(found.map(hex), expected)
      assert.equal(hex((await rootFromInclusion(leaf - 1, size, hashed(leaves[leaf - 1]), found)) ?? ''), roots[size - 1])
    }
  })

  it('is the one of the definition, and leads to the root', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (list, number) => {
        fc.pre(list.length > 0)
        const index = number % list.length
        const found = await inclusionPath(reader(list), index, list.length)
        assert.deepEqual(found.map(hex), path(index, list).map(hex))
        assert.equal(await rootFromInclusion(index, list.length, hashed(list[index]), found), treeHash(list))
      }),
      { numRuns: 100 },
    )
  })

  it('leads nowhere else when anything in it is changed', async () => {
    const size = leaves.length
    for (let index = 0; index < size; index++) {
      const leaf = hashed(leaves[index])
      const found = await inclusionPath(reader(leaves), index, size)
      const root = treeHash(leaves)
      const wrong: [number, number, Hash, Hash[]][] = [
        [index - 1, size, leaf, found],
        [index + 1, size, leaf, found],
        [index ^ 2, size, leaf, found],
        [index, size * 2, leaf, found],
        [index, size / 2, leaf, found],
        [index, size, hashed(Buffer.from('other')), found],
        [index, size, leaf, [...found, root]],
        [index, size, leaf, [root, ...found]],
        [index, size, leaf, found.slice(1)],
        [index, size, leaf, found.slice(0, -1)],
        [index, size, leaf, [...found].reverse()],
        ...found.map((_, place): [number, number, Hash, Hash[]] => [index, size, leaf, flip(found, place)]),
      ]
      for (const args of wrong) assert.notEqual(await rootFromInclusion(...args), root)
    }
  })

  it('is none for a place outside the tree', async () => {
    for (const [index, size] of [
      [0, 0],
      [1, 1],
      [-1, 1],
      [0.5, 2],
      [Number.NaN, 2],
      [0, Number.POSITIVE_INFINITY],
      [2 ** 53, 2 ** 54],
    ] as const)
      assert.equal(await rootFromInclusion(index, size, hashed(Buffer.of()), []), undefined)
  })
})

describe('a consistency proof', () => {
  it('is the published one', async () => {
    for (const [older, size, expected] of consistencies) {
      const found = await consistencyPath(reader(leaves), older, size)
      assert.deepEqual(found.map(hex), expected)
      assert.equal(await isConsistent(older, bytes(roots[older - 1]), size, bytes(roots[size - 1]), found), true)
    }
  })

  it('is the one of the definition, and holds', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (list, number) => {
        fc.pre(list.length > 0)
        const older = (number % list.length) + 1
        const found = await consistencyPath(reader(list), older, list.length)
        assert.deepEqual(found.map(hex), proof(older, list).map(hex))
        assert.equal(await isConsistent(older, treeHash(list.slice(0, older)), list.length, treeHash(list), found), true)
      }),
      { numRuns: 100 },
    )
  })

  it('does not hold for another tree, another size or a changed proof', async () => {
    const size = leaves.length
    const root = treeHash(leaves)
    for (let older = 1; older < size; older++) {
      const olderRoot = treeHash(leaves.slice(0, older))
      const found = await consistencyPath(reader(leaves), older, size)
      const other = treeHash([...leaves.slice(0, older - 1), Buffer.from('other')])
      const wrong: [number, Hash, number, Hash, Hash[]][] = [
        [older - 1, olderRoot, size, root, found],
        [older + 1, olderRoot, size, root, found],
        [older, olderRoot, size * 2, root, found],
        [older, olderRoot, size / 2, root, found],
        [older, other, size, root, found],
        [older, olderRoot, size, other, found],
        [older, root, size, olderRoot, found],
        [older, olderRoot, size, root, []],
        [older, olderRoot, size, root, [...found, root]],
        [older, olderRoot, size, root, [olderRoot, ...found]],
        [older, olderRoot, size, root, found.slice(0, -1)],
        ...found.map((_, place): [number, Hash, number, Hash, Hash[]] => [older, olderRoot, size, root, flip(found, place)]),
      ]
      // A tree of nothing is a beginning of every tree; that says nothing about its root.
      for (const [index, args] of wrong.entries())
        if (args[0] > 0) assert.equal(await isConsistent(...args), false, `${older} of ${size}, case ${index}`)
    }
  })

  it('goes back in time for nobody', async () => {
    assert.equal(await isConsistent(2, bytes(roots[1]), 1, bytes(roots[0]), []), false)
    assert.equal(await isConsistent(1, bytes(roots[0]), 1, bytes(roots[1]), []), false)
    assert.equal(await isConsistent(1, bytes(roots[0]), 1, bytes(roots[0]), [bytes(roots[0])]), false)
    assert.equal(await isConsistent(0, treeHash([]), 1, bytes(roots[0]), [bytes(roots[0])]), false)
    assert.equal(await isConsistent(0, treeHash([]), 1, bytes(roots[0]), []), true)
  })
})

describe('SHA-256', () => {
  it('is the same natively and by WebCrypto', async () => {
    for (const text of ['', 'abc', 'x'.repeat(1000)]) {
      const data = Buffer.from(text)
      assert.equal(await webSha256(data), hash(data))
      assert.equal(await sha256(data), hash(data))
    }
    // FIPS 180-4's own example.
    assert.equal(hex(hash(Buffer.from('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})

function native(): SyncHash {
  const found = nativeSha256()
  assert.ok(found)
  return found
}

function hashed(entry: Uint8Array | undefined): Hash {
  return hash(Buffer.concat([Buffer.of(0), entry ?? Buffer.of()]))
}

function reader(list: readonly Uint8Array[]): HashReader {
  return (height, index) => treeHash(list.slice(index * 2 ** height, (index + 1) * 2 ** height))
}

function flip(hashes: readonly Hash[], place: number): Hash[] {
  return hashes.map((text, index) => (index === place ? String.fromCharCode(text.charCodeAt(0) ^ 8) + text.slice(1) : text))
}

function hex(text: Hash): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

function bytes(text: string | undefined): Hash {
  return Buffer.from(text ?? '', 'hex').toString('latin1')
}
