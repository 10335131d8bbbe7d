import { alphanumeric, classOf, digit, underscore } from '../characters.ts'
import type { Recognizer } from '../recognizer.ts'
import { continuesNumber, isContinued } from './number-context.ts'

/** United States social security numbers, `ddd-dd-dddd` or with spaces, without the numbers that are never given out. */
export const usSsn: Recognizer = {
  type: 'US_SSN',
  score: 0.8,
  triggers: '012345678',
  unlessAfter: alphanumeric | underscore,
  reach: 0,
  maxLength: 11,
  look(glance, at) {
    for (let index = 1; index < 3; index++) if ((classOf(glance.at(at + index)) & digit) === 0) return
    const separator = glance.at(at + 3)
    if ((separator !== 45 && separator !== 32) || continuesNumber(glance, at)) return
    for (let index = 4; index < 11; index++) {
      const code = glance.at(at + index)
      if (index === 6 ? code !== separator : (classOf(code) & digit) === 0) return
    }
    if (isContinued(glance, at + 11)) return
    const area = glance.slice(at, at + 3)
    if (area === '000' || area === '666' || glance.slice(at + 4, at + 6) === '00' || glance.slice(at + 7, at + 11) === '0000') return
    glance.found(at, at + 11, usSsn.score)
  },
}
