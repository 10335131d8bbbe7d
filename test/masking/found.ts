import { scan } from '../../src/masking/scan.ts'
import type { Detect } from '../../src/masking/detector.ts'
import { detectors } from '../../src/masking/detectors.ts'

/** What a scan finds, as `TYPE text`. */
export function found(text: string, detect: Detect = detectors.all): string[] {
  return scan(text, detect).map(({ type, start, end }) => `${type} ${text.slice(start, end)}`)
}
