import { UsageError } from './io.ts'

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * A date, a moment with its zone, or how long ago: `2026-01-01`, `2026-01-01T08:00:00+01:00`, `90m`, `24h`, `7d`. In
 * milliseconds since 1970.
 *
 * @throws UsageError
 */
export function sinceIn(text: string, option: string, now: number = Date.now()): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  return count === undefined ? momentIn(text, option) : now - Number(count) * units[unit as keyof typeof units]
}

/** The same without how long ago. @throws UsageError */
export function momentIn(text: string, option: string): number {
  // Without a zone a moment would be another one on each machine.
  const isWhole = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const moment = isWhole ? Date.parse(text) : Number.NaN
  const day = text.slice(0, 10)
  // The thirtieth of February is a day in March for some.
  const isReal = !Number.isNaN(moment) && new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day
  if (!isReal) throw new UsageError(`${option} must be a date such as 2026-01-01, or a moment with its zone such as 2026-01-01T08:00:00+01:00`)
  return moment
}
