import { classOf, digit, hyphen, space, upper } from '../character-classes.ts'
import type { Recognizer } from '../recognizer.ts'

const opening = '-----BEGIN '
const label = 'PRIVATE KEY'
const closing = '-----END '
const maxLabel = 40
const longestBlock = 8192

/**
 * Private keys in PEM and OpenPGP armour (RFC 7468, RFC 9580 section 6.2), from the opening to the closing line. A block
 * that does not close within 8,192 characters is taken that far: half a key is a key.
 */
export const privateKey: Recognizer = {
  types: ['PRIVATE_KEY'],
  openings: ['---'],
  unlessAfter: hyphen,
  maxLength: longestBlock,
  look(glance, at) {
    if (!glance.startsWith(opening, at)) return
    let index = at + opening.length
    while (index < at + maxLabel && (classOf(glance.at(index)) & (upper | digit | space)) !== 0) index++
    if (!glance.slice(at, index).includes(label)) return
    const block = glance.slice(index, at + longestBlock)
    const close = block.indexOf(closing)
    if (close === -1) {
      glance.found('PRIVATE_KEY', at, index + block.length, 1)
      return
    }
    // Everything is there, so it does not matter how much more was not.
    glance.touched = false
    index += close + closing.length
    const end = Math.min(index + maxLabel, at + longestBlock)
    while (index < end && (classOf(glance.at(index)) & (upper | digit | space)) !== 0) index++
    while (index < end && glance.at(index) === 45) index++
    glance.found('PRIVATE_KEY', at, index, 1)
  },
}
