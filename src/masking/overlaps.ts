/** What one detector found, before it is known what else stands there. Offsets into the whole text. */
export interface Candidate {
  readonly type: string
  readonly score: number
  readonly start: number
  readonly end: number
  /** The place of its detector among all. */
  readonly order: number
}

/** A stretch of text in which one candidate is the best. */
export interface Stretch {
  readonly candidate: Candidate
  readonly start: number
  end: number
}

/**
 * Gives each character to the best candidate that covers it: the highest score, then the longest, then the first, then
 * the first detector. Where a better one covers a part of another, the rest of the other still counts, so that nothing
 * that was found is ever shown. What happens to a character depends only on the candidates that cover it, which is what
 * lets a stream decide it as soon as these are known.
 *
 * @param candidates in any order; those of one detector do not overlap each other
 * @param from nothing before it is looked at
 */
export function resolveOverlaps(candidates: readonly Candidate[], from: number): Stretch[] {
  const sorted = candidates.filter((candidate) => candidate.end > from).sort((one, other) => one.start - other.start)
  const stretches: Stretch[] = []
  // At most one for each detector.
  let active: Candidate[] = []
  let next = 0
  let at = from
  while (next < sorted.length || active.length > 0) {
    if (active.length === 0) at = Math.max(at, sorted[next]?.start ?? at)
    for (let candidate = sorted[next]; candidate !== undefined && candidate.start <= at; candidate = sorted[++next]) active.push(candidate)
    let until = sorted[next]?.start ?? Number.POSITIVE_INFINITY
    let best: Candidate | undefined
    for (const candidate of active) {
      until = Math.min(until, candidate.end)
      if (best === undefined || isBetter(candidate, best)) best = candidate
    }
    const last = stretches.at(-1)
    if (best !== undefined) {
      if (last?.candidate === best && last.end === at) last.end = until
      else stretches.push({ candidate: best, start: at, end: until })
    }
    at = until
    active = active.filter((candidate) => candidate.end > at)
  }
  return stretches
}

function isBetter(one: Candidate, other: Candidate): boolean {
  if (one.score !== other.score) return one.score > other.score
  const difference = one.end - one.start - (other.end - other.start)
  if (difference !== 0) return difference > 0
  if (one.start !== other.start) return one.start < other.start
  return one.order < other.order
}
