import { createHash } from 'node:crypto'
import type { JWK } from 'jose'
import { encode } from 'jose/base64url'

/** An RSA key that nobody should take, and what signs with it. */
export interface WeakKey {
  readonly jwk: JWK
  /** A token of `RS256`. */
  sign(header: object, claims: object): string
}

/** 1024 bits. */
export const shortKey = (): WeakKey =>
  weakKey(
    '8_poDj_2e_m40ZL12OP_bRlD5XIgs6Ej0WaTvmHIPq8jGRwpK8HmfPPMoHcNW8tg2daS-lS-Gex3ZbjW-LY-Vw',
    'ygJo5Z4ufzNLczf-0yP6wEDtDxPqE-zAsWA06VAGicPso28PdZ0ylO_dc_by5ohepLuB1sKopHKj69DdrOehPw',
    65_537n,
  )

/** 2048 bits, and an exponent of 3. */
export const smallExponent = (): WeakKey =>
  weakKey(
    '7uqYeLHF2KK5Rw4DUlq8l7N7tCnChM5Kp3rCy1bfsJxNzSlZpboXVFXF025P2qXoMbddq7pD-A6AxvSAM5intYZ79Jxs-BTR1tlBWNmqouVhniWkHNuPVCnSUN7N3uycZOsDiYPw2xJ0EHR2oI6i5IGz3b9vHbZzkkKp9PVbA50',
    '6OD09I-BsGMcrMamnlJQ5Mt9FggEvTgcNHdaT1VXVQ9ANxh7q6tWNfozwza8dGDgI6UMxq_f666YXMI4EpfXmIasrfJITul2WfgVU5MWKx3a6By9Qkxi_Cc1sX0lp0iJ-_Dyv8YRnFSfjW9rOZJGjkIDAKXo6QoZCaqgIYjtjxE',
    3n,
  )

// By hand: some runtimes make no such keys, and sign with none.
function weakKey(p: string, q: string, e: bigint): WeakKey {
  const [first, second] = [numberOf(p), numberOf(q)]
  const n = first * second
  const length = n.toString(16).length / 2
  const d = inverse(e, (first - 1n) * (second - 1n))
  const kid = 'weak'
  return {
    jwk: { kty: 'RSA', kid, alg: 'RS256', use: 'sig', n: textOf(n, length), e: textOf(e, e === 3n ? 1 : 3) },
    sign(header, claims) {
      const input = `${encode(JSON.stringify({ alg: 'RS256', kid, ...header }))}.${encode(JSON.stringify(claims))}`
      // RSASSA-PKCS1-v1_5 (RFC 8017, section 9.2).
      const digest = `3031300d060960864801650304020105000420${createHash('sha256').update(input).digest('hex')}`
      const padding = 'ff'.repeat(length - 3 - digest.length / 2)
      return `${input}.${textOf(power(BigInt(`0x0001${padding}00${digest}`), d, n), length)}`
    },
  }
}

function numberOf(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
}

function textOf(value: bigint, length: number): string {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex').toString('base64url')
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let factor = base, left = exponent; left > 0n; left >>= 1n, factor = (factor * factor) % modulus)
    if (left & 1n) result = (result * factor) % modulus
  return result
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [one, other, x, y] = [value, modulus, 1n, 0n]
  while (other > 0n) [one, other, x, y] = [other, one % other, y, x - (one / other) * y]
  return ((x % modulus) + modulus) % modulus
}
