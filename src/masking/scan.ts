import type { Detect, Finding } from './detector.ts'
import { scannerOf } from './scanner.ts'
import { Scanning } from './scanning.ts'

/**
 * Finds what must not be seen. Findings are in order and do not overlap: where two detectors meet, each character
 * belongs to the one with the higher score, then to the longer finding, then to the first.
 *
 * ```ts
 * scan('mail bob@example.com', detectors.email) // [{ type: 'EMAIL', start: 5, end: 20, score: 0.9 }]
 * ```
 *
 * @throws TypeError for a wrong choice of detectors; whatever a detector of one's own throws.
 */
export function scan(text: string, detect: Detect): Finding[] {
  const findings: Finding[] = []
  new Scanning(scannerOf(detect)).take(text, true, ({ candidate: { type, score }, start, end }) => void findings.push({ type, start, end, score }))
  return findings
}
