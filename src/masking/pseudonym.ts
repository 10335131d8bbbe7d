// Lower-case letters and digits without those that are taken for each other. 32 of them: five bits each.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** How many characters follow the name in a pseudonym. */
export const idLength = 16
/** How many bytes they come from. */
export const idBytes = 10

/** All that can stand in an id, in either case. */
export const idAlphabet: string = alphabet + alphabet.toUpperCase()

const isInAlphabet = new Uint8Array(128)
for (const character of idAlphabet) isInAlphabet[character.charCodeAt(0)] = 1

/** Whether a UTF-16 unit can stand in the id of a pseudonym, in either case. */
export function isIdCharacter(code: number): boolean {
  return code >= 0 && isInAlphabet[code] === 1
}

/** The name that a type has in pseudonyms: its letters. Nothing in a pseudonym is ever escaped by Markdown, JSON, HTML or a URL. */
export function pseudonymName(type: string): string {
  return type.toUpperCase().replaceAll(/[^A-Z]/g, '')
}

/**
 * A pseudonym: a name and 80 bits, such as `EMAIL7q2k9x0m4w8z1t6h`. It has no inner structure to guess: one is valid if
 * and only if it was minted, so that a truncated or altered one is never mistaken for another.
 */
export function formatPseudonym(name: string, id: Uint8Array): string {
  let text = name
  let bits = 0
  let held = 0
  for (const byte of id.subarray(0, idBytes)) {
    bits = (bits << 8) | byte
    held += 8
    while (held >= 5) {
      held -= 5
      text += alphabet.charAt((bits >>> held) & 31)
    }
    bits &= 31
  }
  return text
}
