import type { Clock } from '../guard/clock.ts'
import type { RecipientKey } from './recipient-key.ts'

/** What a workload shows to prove what it is. */
export interface AttestationEvidence {
  /** A token in compact form, or a document in bytes: whatever the attestation that is asked takes. */
  readonly evidence: string | Uint8Array
  /** The workload's public key as a JWK, where the evidence names it by its thumbprint alone. */
  readonly key?: unknown
}

/** A workload that proved what it is. */
export interface AttestedWorkload {
  /** Who vouches for it: `nitro`, or the name of a profile. */
  readonly kind: string
  /** What it calls itself, where it does: the subject of a token, the module of a document. */
  readonly subject?: string
  /** What was measured, by name: what is pinned, and whatever else the evidence says of the kind. */
  readonly measurements: Readonly<Record<string, string>>
  /** The key that the evidence names: whoever has its private half is the workload. */
  readonly key: RecipientKey
  /** Until when the evidence stands, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** How workloads are attested. `nitroAttestation` and `attestationToken` make one. */
export interface Attestation {
  /**
   * The workload that this evidence is about.
   *
   * @param nonce what the evidence must hold: a text that was made for this one question.
   * @throws GuardError, or rejects with it: `identity_invalid` for what is not genuine or not for this nonce, `identity_expired`,
   * `denied` for a workload that is genuine and none of those that are wanted, `keys_unavailable`.
   */
  verify(given: AttestationEvidence, nonce: string, clock: Clock): Promise<AttestedWorkload>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}
