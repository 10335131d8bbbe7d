/** What a server says of itself, as far as it is used and as far as it says it. */
export interface ServerFacts {
  readonly isReplica?: boolean
  /** What it does when its memory is full. */
  readonly evictionPolicy?: string
  /** What time it is there, in milliseconds since 1970. */
  readonly time?: number
}

/** Reads the answer to `INFO`: lines of a name, a colon and a value. */
export function serverFacts(info: string): ServerFacts {
  const role = field(info, 'role')
  const evictionPolicy = field(info, 'maxmemory_policy')
  const time = Number(field(info, 'server_time_usec') ?? Number.NaN) / 1000
  return {
    ...(role !== undefined && { isReplica: role === 'slave' || role === 'replica' }),
    ...(evictionPolicy !== undefined && { evictionPolicy }),
    ...(Number.isFinite(time) && { time }),
  }
}

function field(info: string, name: string): string | undefined {
  const start = info.indexOf(`\n${name}:`)
  if (start === -1) return undefined
  const value = info.slice(start + name.length + 2, start + name.length + 102)
  return /^[^\r\n]*/.exec(value)?.[0]
}
