/** A network address in groups of 16 bits: two of IPv4, eight of IPv6. */
type Groups = readonly number[]

/** A network: all addresses that begin with these bits. */
export interface AddressRange {
  readonly groups: Groups
  readonly bits: number
}

/**
 * Reads a network in CIDR notation (RFC 4632, RFC 4291, section 2.3); undefined where it is none. Bits behind the prefix
 * must be zero: `10.0.0.1/8` is more likely a mistake than a network.
 */
export function parseAddressRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/')
  if (slash === -1) return undefined
  const groups = parseGroups(text.slice(0, slash))
  const bits = parseNumber(text.slice(slash + 1), 3)
  if (groups === undefined || bits === undefined || bits > groups.length * 16) return undefined
  const range = isMapped(groups) && bits >= 96 ? { groups: groups.slice(6), bits: bits - 96 } : { groups, bits }
  return range.groups.every((group, index) => (group & ~mask(range.bits - index * 16)) === 0) ? range : undefined
}

/** Reads an address; undefined where it is none. An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is the IPv4 address in it. */
export function parseAddress(text: string): Groups | undefined {
  const groups = parseGroups(text)
  return groups !== undefined && isMapped(groups) ? groups.slice(6) : groups
}

/** Whether an address lies in a network. */
export function isWithin(address: Groups, { groups, bits }: AddressRange): boolean {
  if (address.length !== groups.length) return false
  for (let index = 0; index * 16 < bits; index++) if ((((address[index] ?? 0) ^ (groups[index] ?? 0)) & mask(bits - index * 16)) !== 0) return false
  return true
}

// The first so many bits of a group.
function mask(bits: number): number {
  return bits >= 16 ? 0xffff : bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff
}

function isMapped(groups: Groups): boolean {
  return groups.length === 8 && groups[5] === 0xffff && groups.every((group, index) => index >= 5 || group === 0)
}

function parseGroups(text: string): Groups | undefined {
  // The longest there is: eight groups whose last two are written as IPv4.
  if (text.length > 45) return undefined
  if (!text.includes(':')) return parseDotted(text)
  const gap = text.indexOf('::')
  if (gap === -1) return wholly(parseColons(text), 8)
  const head = parseColons(text.slice(0, gap), false)
  const tail = parseColons(text.slice(gap + 2))
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

function wholly(groups: Groups | undefined, length: number): Groups | undefined {
  return groups?.length === length ? groups : undefined
}

function parseColons(text: string, last = true): Groups | undefined {
  if (text === '') return []
  const groups: number[] = []
  const pieces = text.split(':')
  for (const [index, piece] of pieces.entries()) {
    if (last && index === pieces.length - 1 && piece.includes('.')) {
      const dotted = parseDotted(piece)
      if (dotted === undefined) return undefined
      groups.push(...dotted)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(piece)) return undefined
      groups.push(Number.parseInt(piece, 16))
    }
  }
  return groups.length > 8 ? undefined : groups
}

function parseDotted(text: string): Groups | undefined {
  const octets = text.split('.').map((piece) => parseNumber(piece, 3))
  const [a, b, c, d] = octets
  if (octets.length !== 4 || a === undefined || b === undefined || c === undefined || d === undefined) return undefined
  return Math.max(a, b, c, d) > 255 ? undefined : [a * 256 + b, c * 256 + d]
}

// Decimal digits without a leading zero, which some parsers take for octal.
function parseNumber(text: string, digits: number): number | undefined {
  if (text.length > digits || !/^(?:0|[1-9][0-9]*)$/.test(text)) return undefined
  return Number.parseInt(text, 10)
}
