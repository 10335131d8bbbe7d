import type { Hash } from './sha256.ts'

/** How entries differ from the hashes that were made of them. */
export type EntryProblem = 'entry_changed' | 'entry_missing' | 'entry_inserted' | 'entry_moved'

/** One difference. */
export interface EntryDifference {
  readonly code: EntryProblem
  readonly index: number
  readonly message: string
}

/**
 * Says where a row of entries, by their hashes, differs from the row that it should be: what is not the same, what is
 * missing, what was added, what stands elsewhere. `first` is the index of the first one.
 */
export function compareEntries(found: readonly Hash[], expected: readonly Hash[], first: number): EntryDifference[] {
  if (found.length === expected.length && found.every((hash, place) => hash === expected[place])) return []
  const differences: EntryDifference[] = []
  const there = new Set(found)
  const belongs = new Set(expected)
  let at = 0
  for (let place = 0; place < expected.length; place++) {
    const should = expected[place] ?? ''
    const is = found[at]
    if (is === should) {
      at++
    } else if (is === undefined || (!there.has(should) && belongs.has(is) && expected.indexOf(is, place) > place)) {
      // What stands here belongs further on, and what belongs here is nowhere: it was taken out.
      const isElsewhere = there.has(should)
      differences.push(isElsewhere ? moved(first + place) : { code: 'entry_missing', index: first + place, message: 'This entry was removed' })
    } else if (!belongs.has(is) && found[at + 1] === should) {
      differences.push({ code: 'entry_inserted', index: first + place, message: 'An entry was inserted before this one' })
      at += 2
    } else {
      differences.push(there.has(should) ? moved(first + place) : { code: 'entry_changed', index: first + place, message: 'This entry was changed' })
      at++
    }
  }
  if (at < found.length)
    differences.push({ code: 'entry_inserted', index: first + expected.length, message: `${found.length - at} entries were added` })
  return differences
}

function moved(index: number): EntryDifference {
  return { code: 'entry_moved', index, message: 'Another entry stands in the place of this one, which stands elsewhere' }
}
