/**
 * Orders two versions: below zero where the first is older. Undefined where they cannot be compared: only numbers such as `7`
 * or `1.12.0`, and dates such as `2026-03-01`, say which is older.
 */
export function compareVersions(one: string, other: string): number | undefined {
  if (one === other) return 0
  if (isDate(one) && isDate(other)) return one < other ? -1 : 1
  const [first, second] = [numbersIn(one), numbersIn(other)]
  if (first === undefined || second === undefined) return undefined
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const difference = (first[index] ?? 0) - (second[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function isDate(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version)
}

// Of at most fifteen digits each, which a number holds exactly.
function numbersIn(version: string): readonly number[] | undefined {
  return /^\d{1,15}(?:\.\d{1,15}){0,7}$/.test(version) ? version.split('.').map(Number) : undefined
}
