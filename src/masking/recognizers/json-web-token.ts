import { alphanumeric, classOf, dot, hyphen, underscore } from '../character-classes.ts'
import type { Recognizer } from '../recognizer.ts'

const longestToken = 8192
const base64url = alphanumeric | underscore | hyphen

/** JSON Web Tokens in compact form (RFC 7515, RFC 7516): three to five parts, the first of them a JSON object. */
export const jsonWebToken: Recognizer = {
  types: ['JWT'],
  openings: ['eyJ'],
  unlessAfter: base64url,
  maxLength: longestToken,
  look(glance, at) {
    if (!glance.startsWith('eyJ', at)) return
    const limit = at + longestToken
    let parts = 0
    let length = 0
    let payload = 0
    let index = at
    for (; index < limit; index++) {
      const bits = classOf(glance.at(index))
      if ((bits & base64url) !== 0) {
        length++
        continue
      }
      if ((bits & dot) === 0 || parts === 4 || (parts === 0 && length < 8)) break
      if (parts === 1) payload = length
      parts++
      length = 0
    }
    // The second part is empty only where a key is agreed on directly, in an encrypted token.
    if (parts < 2 || (payload === 0 && parts < 4)) return
    // A full stop at the end of a sentence is no part of it.
    glance.found('JWT', at, length === 0 && parts > 2 ? index - 1 : index, 0.95)
  },
}
