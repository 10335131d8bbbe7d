const form = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?)?$/

/**
 * A year, a month or a day by ISO 8601, with or without a time, as it stands: no zone is applied. Undefined where it is
 * none, or where there was no such day.
 */
export function dateParts(text: string): { readonly year: string; readonly month: string | undefined } | undefined {
  if (text.length > 40) return undefined
  const [, year, month, day] = form.exec(text) ?? []
  if (year === undefined) return undefined
  if (month !== undefined && (Number(month) < 1 || Number(month) > 12)) return undefined
  if (day !== undefined && (Number(day) < 1 || Number(day) > new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()))
    return undefined
  return { year, month }
}
