import { GuardError } from '../../guard/errors.ts'

/** Bytes that a body's first buffer holds, unless the body says that it is shorter. */
const firstBuffer = 16 * 1024

/**
 * A body as one array of bytes. Holds at most about twice what came, however small the pieces are.
 *
 * @throws GuardError `payload_too_large` as soon as the body is longer than `bound`; then nothing more is read.
 */
export async function readBounded(reader: ReadableStreamDefaultReader<unknown>, bound: number): Promise<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(Math.min(firstBuffer, bound))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return buffer.slice(0, length)
    if (!(value instanceof Uint8Array)) throw new GuardError('payload_invalid', { reason: 'the body is not made of bytes' })
    const needed = length + value.length
    if (needed > bound) throw new GuardError('payload_too_large', { reason: `the body is longer than ${bound} bytes` })
    if (needed > buffer.length) {
      const larger = new Uint8Array(Math.min(bound, Math.max(needed, buffer.length * 2)))
      larger.set(buffer.subarray(0, length))
      buffer = larger
    }
    buffer.set(value, length)
    length = needed
  }
}
