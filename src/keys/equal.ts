/**
 * Whether two sequences of bytes are the same, in a time that says nothing of where they differ. By hand, since WebCrypto has
 * no such function; lengths are no secret here.
 */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let index = 0; index < one.length; index++) difference |= (one[index] ?? 0) ^ (other[index] ?? 0)
  return difference === 0
}
