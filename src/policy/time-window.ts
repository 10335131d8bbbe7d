import { complain, member, type Place, readFields, readText, readTexts, shown } from './strict-read.ts'

/** Tells at which minute of the local week a time falls: 0 is Monday 00:00, 10079 is Sunday 23:59. */
type LocalMinute = (time: number) => number

/** The time zones of one policy, each read once. */
export type TimeZones = Map<string, LocalMinute>

const days: readonly string[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
const minutesOfDay = 1440

/** The latest moment that a date can have; the earliest is its negative (ECMA-262, section 21.4.1.1). */
const lastMoment = 8_640_000_000_000_000

/** A window that comes back every day or every week, in minutes of the local day. */
export interface LocalWindow {
  readonly local: LocalMinute
  /** Whether it begins on a day, Monday first. */
  readonly days: readonly boolean[]
  readonly from: number
  /** At this minute it is over. Not after `from` where the window lasts over midnight. */
  readonly to: number
}

/** Reads `{ zone, days?, from?, to? }`. */
export function parseTimeWindow(value: unknown, place: Place, zones: TimeZones): LocalWindow {
  const { zone, days: named, from, to } = readFields(value, place, ['zone', 'days', 'from', 'to'])
  if (named === undefined && from === undefined && to === undefined) complain(place, 'must name days, or from and to')
  if ((from === undefined) !== (to === undefined)) complain(place, 'must have both from and to, or neither')
  const begin = from === undefined ? 0 : parseTimeOfDay(from, member(place, 'from'))
  const end = to === undefined ? minutesOfDay : parseTimeOfDay(to, member(place, 'to'))
  if (begin === end || begin === minutesOfDay || end === 0) complain(place, 'must not be empty: write the end of a day as 24:00')
  return { local: zoneNamed(zone, member(place, 'zone'), zones), days: parseDays(named, member(place, 'days')), from: begin, to: end }
}

/** Whether a moment falls in a window. */
export function isDuring(time: number, { local, days: begins, from, to }: LocalWindow): boolean {
  const minute = local(time)
  const day = Math.floor(minute / minutesOfDay)
  const ofDay = minute - day * minutesOfDay
  if (from < to) return begins[day] === true && ofDay >= from && ofDay < to
  // Over midnight: the window belongs to the day on which it began.
  return ofDay >= from ? begins[day] === true : ofDay < to && begins[(day + 6) % 7] === true
}

function parseDays(value: unknown, place: Place): readonly boolean[] {
  if (value === undefined) return days.map(() => true)
  const named = readTexts(value, place)
  const unknown = named.find((day) => !days.includes(day))
  if (unknown !== undefined) complain(place, `'${shown(unknown)}' is no day; the days are ${days.join(', ')}`)
  return days.map((day) => named.includes(day))
}

// ISO 8601 allows 24:00 for the end of a day.
function parseTimeOfDay(value: unknown, place: Place): number {
  const [, hours, minutes] = typeof value === 'string' ? (/^([01][0-9]|2[0-4]):([0-5][0-9])$/.exec(value) ?? []) : []
  const minute = Number(hours) * 60 + Number(minutes)
  if (!(minute <= minutesOfDay)) complain(place, 'must be a time of day such as 08:30')
  return minute
}

function zoneNamed(value: unknown, place: Place, zones: TimeZones): LocalMinute {
  const name = readText(value, place)
  const known = zones.get(name)
  if (known !== undefined) return known
  // An offset such as +01:00 is not one: it would be an hour wrong for half of the year.
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(name)) complain(place, 'must be a time zone such as Europe/Berlin or UTC')
  const zone = localMinute(name, place)
  zones.set(name, zone)
  return zone
}

/** Reads local time off the runtime's own table of zones, once a minute. From 1972 on no zone changes within one. */
function localMinute(zone: string, place: Place): LocalMinute {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'long', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  } catch {
    complain(place, `'${shown(zone)}' is no time zone that this runtime knows`)
  }
  let lastMinute = Number.NaN
  let lastAnswer = 0
  return (time) => {
    const minute = Math.floor(time / 60_000)
    if (minute === lastMinute) return lastAnswer
    const parts = format.formatToParts(time)
    const part = (type: 'weekday' | 'hour' | 'minute'): string => parts.find((one) => one.type === type)?.value ?? ''
    lastAnswer = days.indexOf(part('weekday').toLowerCase()) * minutesOfDay + Number(part('hour')) * 60 + Number(part('minute'))
    lastMinute = minute
    return lastAnswer
  }
}

/** Whether a value is a time: milliseconds since 1970, within what a date can be. */
export function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= lastMoment
}

/** Reads a moment: as RFC 3339 writes it, with its zone, or in milliseconds since 1970. */
export function parseMoment(value: unknown, place: Place): number {
  if (isMoment(value)) return value
  const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d{2}):(\d{2}))$/
  const match = typeof value === 'string' ? pattern.exec(value) : null
  if (match === null) complain(place, 'must be a moment with its zone, such as 2026-12-31T23:00:00Z, or milliseconds since 1970')
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = match
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [number, number, number, number, number, number]
  const local = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.padEnd(3, '0')))
  const there = new Date(local)
  // The thirtieth of February would otherwise be a day in March.
  const isReal = there.getUTCFullYear() === y && there.getUTCMonth() === mo - 1 && there.getUTCDate() === d && h < 24 && mi < 60 && s < 60
  if (!isReal || Number(zoneHour) > 23 || Number(zoneMinute) > 59) complain(place, 'is a moment that does not exist')
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000
  return sign === '-' ? local + offset : local - offset
}
