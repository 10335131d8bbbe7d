import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ChunkCutter } from '../../src/encryption/chunk-cutter.ts'

function cut(pieces: readonly Uint8Array[], size: number): { readonly chunks: readonly Uint8Array[]; readonly rest: Uint8Array } {
  const cutter = new ChunkCutter(size)
  const chunks: Uint8Array[] = []
  for (const piece of pieces) {
    cutter.push(piece)
    for (let count = cutter.whole; count > 0; count--) chunks.push(Uint8Array.from(cutter.take()))
    cutter.keep()
  }
  return { chunks, rest: Uint8Array.from(cutter.rest()) }
}

describe('a chunk cutter', () => {
  test('gives every byte once and in order, whole chunks and a rest that is shorter, however the bytes come', () =>
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 30 }), (pieces, size) => {
        const { chunks, rest } = cut(pieces, size)
        assert.ok(chunks.every(({ length }) => length === size) && rest.length < size)
        assert.deepEqual(
          [...chunks.flatMap((chunk) => [...chunk]), ...rest],
          pieces.flatMap((piece) => [...piece]),
        )
      }),
    ))

  test('takes nothing but bytes', () => {
    for (const piece of ['text', [1], new Uint16Array(1), null])
      assert.throws(() => new ChunkCutter(4).push(piece as unknown as Uint8Array), { name: 'TypeError' })
  })

  test('copies what another thread could change', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4))
    const cutter = new ChunkCutter(4)
    cutter.push(shared)
    shared.fill(1)
    assert.deepEqual(cutter.take(), new Uint8Array(4))
  })

  test('makes no hole where a piece was transferred to somebody else meanwhile', () => {
    for (const step of ['take', 'keep'] as const) {
      const piece = new Uint8Array(10)
      const cutter = new ChunkCutter(4)
      cutter.push(piece)
      structuredClone(piece.buffer, { transfer: [piece.buffer] })
      assert.throws(() => cutter[step](), { name: 'TypeError' })
    }
  })
})
