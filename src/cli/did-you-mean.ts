/** The longest word that is looked at: what is longer is no slip of a finger. */
const maxLength = 40

/** `. Did you mean X?`, with the word among these that somebody most likely meant; nothing where none is near. */
export function nearest(word: string, words: readonly string[], show: (word: string) => string = (near) => near): string {
  let found: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const each of words) {
    const distance = isBeginning(word, each) ? 1 : slips(word.toLowerCase(), each)
    if (distance < least) [found, least] = [each, distance]
  }
  const allowed = word.length <= 3 ? 1 : word.length <= 6 ? 2 : 3
  return found === undefined || least > allowed ? '' : `. Did you mean ${show(found)}?`
}

const isBeginning = (word: string, whole: string): boolean => word.length >= 2 && whole.startsWith(word.toLowerCase())

/** How many letters were missed, added, changed or swapped with the next one. */
function slips(one: string, other: string): number {
  if (one.length > maxLength || other.length > maxLength) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row++) {
    const now = [row]
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1]
      let least = Math.min((last[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (isSame ? 0 : 1))
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1])
        least = Math.min(least, (before[column - 2] ?? 0) + 1)
      now.push(least)
    }
    ;[before, last] = [last, now]
  }
  return last[other.length] ?? Number.POSITIVE_INFINITY
}
