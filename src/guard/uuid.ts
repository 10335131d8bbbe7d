// Random bytes are drawn a page at a time: one system call serves many ids.
let pool: Uint8Array<ArrayBuffer> | undefined
let used = 0

const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** A UUID version 7 (RFC 9562, section 5.7) for that time in milliseconds since 1970. */
export function uuid7(now: number): string {
  pool ??= new Uint8Array(4096)
  if (used === 0 || used + 10 > pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  const at = used
  used += 10
  const time = Math.max(0, Math.floor(now)).toString(16).padStart(12, '0').slice(-12)
  const b = (index: number): number => pool?.[at + index] ?? 0
  const h = (byte: number): string => hex[byte] ?? '00'
  return (
    `${time.slice(0, 8)}-${time.slice(8)}-` +
    `${h(0x70 | (b(0) & 0x0f))}${h(b(1))}-${h(0x80 | (b(2) & 0x3f))}${h(b(3))}-` +
    `${h(b(4))}${h(b(5))}${h(b(6))}${h(b(7))}${h(b(8))}${h(b(9))}`
  )
}
