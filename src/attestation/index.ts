/**
 * Data keys for attested workloads alone.
 *
 * @module sallyport/attestation
 */

export { type AttestationProfile, attestationProfiles, type ClaimPath, type RequiredClaim } from './attestation-profile.ts'
export { attestationToken, type AttestationTokenOptions } from './attestation-token.ts'
export type { AttestationEvidence, Attestation, AttestedWorkload } from './attestation.ts'
export { attestedKeys, type AttestedKeysOptions } from './attested-keys.ts'
export type { Measurements } from './measurements.ts'
export { nitroAttestation, type NitroAttestationOptions } from './nitro-attestation.ts'
export type { RecipientKey, ReleaseAlgorithm } from './recipient-key.ts'
export type { ReleaseNonce } from './release-nonces.ts'
export { type KeyRelease, releasePolicy, type ReleasePolicyOptions, type ReleaseRequest } from './release-policy.ts'
export { type ReleaseRecipient, releaseRecipient, type ReleaseRecipientOptions } from './release-recipient.ts'
export type { KeyRequest } from './released-key.ts'
