import { alphanumeric, classOf, upper } from '../characters.ts'
import type { Recognizer } from '../recognizer.ts'
import { idAlphabet, idLength, isIdCharacter } from '../pseudonym.ts'

/** The type of a pseudonym that stands in the text already. In lower case, so that no detector's type can be the same. */
export const tokenType = 'token'

/**
 * What has the form of a pseudonym with one of these names, in either case. Whether it is one is for the scope to say.
 * @param names upper-case letters only
 */
export function tokenForm(names: readonly string[]): Recognizer {
  // Longest first: one name may begin another.
  const sorted = [...new Set(names)].sort((one, other) => other.length - one.length)
  const initials = [...new Set(sorted.map((name) => name.charAt(0)))].join('')
  const byInitial = new Map<number, readonly string[]>()
  for (const initial of initials) {
    byInitial.set(
      initial.charCodeAt(0),
      sorted.filter((name) => name.startsWith(initial)),
    )
  }
  return {
    type: tokenType,
    score: 2,
    triggers: initials + initials.toLowerCase(),
    openings: sorted.flatMap(openingsOf),
    unlessAfter: 0,
    reach: 0,
    isUnconfirmed: true,
    maxLength: (sorted[0]?.length ?? 0) + idLength,
    look(glance, at) {
      const code = glance.at(at)
      // Our own are in upper case and may stand anywhere; one that a model wrote in lower case begins a word.
      if ((classOf(code) & upper) === 0 && (classOf(glance.at(at - 1)) & alphanumeric) !== 0) return
      for (const name of byInitial.get(code & ~32) ?? []) {
        let index = at + 1
        while (index < at + name.length && (glance.at(index) & ~32) === name.charCodeAt(index - at)) index++
        if (index < at + name.length) continue
        const end = index + idLength
        while (index < end && isIdCharacter(glance.at(index))) index++
        if (index < end) continue
        glance.found(at, end, 2)
        return
      }
    },
  }
}

// The first two characters in either case; any id may follow a name of one letter.
function openingsOf(name: string): string[] {
  const seconds = name.length > 1 ? name.charAt(1) + name.charAt(1).toLowerCase() : idAlphabet
  return [...seconds].flatMap((second) => [name.charAt(0) + second, name.charAt(0).toLowerCase() + second])
}
