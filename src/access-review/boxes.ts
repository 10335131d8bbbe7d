/** Sets of names, one for each dimension: stands for every combination of them. */
export type Box = readonly ReadonlySet<string>[]

/** How often it is tried again. Each time costs as much as there are points. */
const maxRounds = 16

/**
 * Puts points together into boxes that cover them and nothing else, so that three calls of two callers need not be six rules.
 * No two boxes have a point in common. Not always the fewest: that would be a hard problem, and nobody is harmed by one more.
 *
 * @param points each a name for every dimension.
 */
export function boxesOf(points: Iterable<readonly string[]>): readonly Box[] {
  let boxes: readonly Box[] = unique(points)
  const dimensions = boxes[0]?.length ?? 0
  let before = Number.POSITIVE_INFINITY
  for (let round = 0; round < maxRounds && boxes.length < before; round++) {
    before = boxes.length
    // The last ones first: ids are many.
    for (let dimension = dimensions - 1; dimension >= 0; dimension--) boxes = mergedAlong(dimension, boxes)
  }
  return boxes
}

function unique(points: Iterable<readonly string[]>): readonly Box[] {
  const boxes = new Map<string, Box>()
  for (const point of points)
    boxes.set(
      JSON.stringify(point),
      point.map((name) => new Set([name])),
    )
  return [...boxes.values()]
}

// Boxes that differ in one dimension only are one box.
function mergedAlong(dimension: number, boxes: readonly Box[]): readonly Box[] {
  const merged = new Map<string, Set<string>[]>()
  for (const box of boxes) {
    const key = JSON.stringify(box.map((names, index) => (index === dimension ? [] : [...names].sort())))
    const known = merged.get(key)
    if (known === undefined)
      merged.set(
        key,
        box.map((names) => new Set(names)),
      )
    else for (const name of box[dimension] ?? []) known[dimension]?.add(name)
  }
  return [...merged.values()]
}
