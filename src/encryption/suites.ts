import type { AeadKind } from '../keys/aead.ts'
import { aesGcm } from '../keys/aes-gcm.ts'
import { xchacha20Poly1305 } from './xchacha20-poly1305.ts'

/** What values are sealed with: the cipher, always with HKDF-SHA-512 and C2SP chunked-encryption around it. */
export type Suite = 'aes-256-gcm' | 'xchacha20-poly1305'

/** A suite in a header. */
export type SuiteNumber = 1 | 2

/** Every suite by its name. */
export const suites: Readonly<Record<Suite, SuiteNumber>> = { 'aes-256-gcm': 1, 'xchacha20-poly1305': 2 }

const kinds: Readonly<Record<SuiteNumber, AeadKind>> = { 1: aesGcm, 2: xchacha20Poly1305 }

/** The cipher of a suite. */
export function kindOf(suite: SuiteNumber): AeadKind {
  return kinds[suite]
}

/** A byte of a header as a suite; undefined for any other. */
export function suiteOf(byte: number | undefined): SuiteNumber | undefined {
  return byte === 1 || byte === 2 ? byte : undefined
}
