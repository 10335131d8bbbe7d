import type { JWK } from 'jose'
import type { Jwks } from '../../../src/index.ts'
import type { TestAlgorithm } from '../../../src/testing/index.ts'

/** When all of it is written: tokens and proofs of that moment hold wherever they are read. */
export const writtenAt: number = Date.UTC(2026, 2, 1, 12)

/** How many entries the log has: more than one tile. */
export const logSize = 260

/** What one runtime writes and every other one reads, as JSON. Bytes are base64. */
export interface Written {
  /** Of `decideAll`. */
  readonly decisions: readonly object[]
  readonly tokens: readonly WrittenToken[]
  /** Of `maskAll`. */
  readonly masked: readonly string[]
  readonly sealed: WrittenSealed
  readonly signedPolicy: { readonly text: string; readonly jwks: Jwks }
  readonly log: WrittenLog
}

/** A token, the proof that goes with one that is bound, and who that is. */
export interface WrittenToken {
  readonly algorithm: TestAlgorithm
  readonly jwks: Jwks
  readonly token: string
  readonly proof?: string
  readonly identity: object
}

/** Values and a stream by the suite that sealed them, a token for storage, and a request for whoever has the private key. */
export interface WrittenSealed {
  readonly suites: readonly { readonly suite: string; readonly value: string; readonly bytes: string; readonly stream: string }[]
  readonly request: { readonly jwk: JWK; readonly body: string }
}

/** A log as it lies on a disk, and what its writer said of it. */
export interface WrittenLog {
  readonly key: string
  readonly files: Readonly<Record<string, string>>
  /** The older checkpoint, and the path that proves it a part of the newer one. */
  readonly older: { readonly note: string; readonly path: readonly string[] }
  /** The newer checkpoint. */
  readonly note: string
  /** Entries, and the proof of each. */
  readonly proofs: readonly { readonly index: number; readonly hash: string; readonly path: readonly string[]; readonly entry: string }[]
}

/** Bytes as base64. */
export function base64(bytes: Uint8Array): string {
  let octets = ''
  for (const byte of bytes) octets += String.fromCharCode(byte)
  return btoa(octets)
}

/** And back. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
