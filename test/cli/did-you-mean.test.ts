import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearest } from '../../src/cli/did-you-mean.ts'

describe('the word that was meant', () => {
  const words = ['anchor', 'key', 'unanchored', 'json']

  it('is one with a letter missed, added, changed or swapped, in any case, or one that begins so', () => {
    for (const [word, meant] of [
      ['ancho', 'anchor'],
      ['anchoor', 'anchor'],
      ['anxhor', 'anchor'],
      ['acnhor', 'anchor'],
      ['ANCHOR', 'anchor'],
      ['unanch', 'unanchored'],
      ['jsno', 'json'],
      ['kye', 'key'],
    ] as const)
      assert.equal(nearest(word, words), `. Did you mean ${meant}?`, word)
  })

  it('is none where none is near, and costs nothing for a long one', () => {
    for (const word of ['', 'x', 'nonsense', 'yek', 'a'.repeat(1_000_000)]) assert.equal(nearest(word, words), '', word.slice(0, 9))
  })
})
