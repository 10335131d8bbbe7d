/**
 * A text or bytes cut into pieces, as unkindly as a network can: single units, empty pieces, cuts inside a surrogate pair or
 * an encoded character. The pieces joined are the whole again. The same seed cuts in the same way.
 *
 * ```ts
 * for (let seed = 0; seed < 100; seed++) assert.equal(chop(text, seed).join(''), text)
 * ```
 *
 * @throws TypeError for a seed that is not a whole number.
 */
export function chop(whole: string, seed: number): string[]
export function chop(whole: Uint8Array, seed: number): Uint8Array[]
export function chop(whole: string | Uint8Array, seed: number): (string | Uint8Array)[] {
  if (!Number.isSafeInteger(seed)) throw new TypeError('chop: the seed must be a whole number')
  const next = random(seed)
  // Each seed has a temper of its own: crumbs, or slices.
  const longest = [1, 2, 3, 8, 64][Math.floor(next() * 5)] ?? 1
  const pieces: (string | Uint8Array)[] = []
  for (let at = 0; at < whole.length; ) {
    const length = next() < 0.1 ? 0 : 1 + Math.floor(next() * longest)
    pieces.push(typeof whole === 'string' ? whole.slice(at, at + length) : whole.slice(at, at + length))
    at += length
  }
  return pieces
}

// mulberry32: small, and the same everywhere.
function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
