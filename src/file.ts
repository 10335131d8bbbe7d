/**
 * What needs a disk: the audit log in a folder, key files, keyrings, policies in files.
 *
 * @module sallyport/file
 */

export type { CheckpointProblem } from './audit-log/checkpoint.ts'
export type { EntryProblem } from './audit-log/compare-entries.ts'
export type { EvidenceHead } from './audit-log/evidence.ts'
export type { EvidenceGap, EvidencePolicy, EvidenceSummary } from './audit-log/evidence-summary.ts'
export { evidence, type EvidenceOptions } from './audit-log/file-evidence.ts'
export { type EvidenceReport, verifyEvidence } from './audit-log/verify-evidence.ts'
export { type CollectedLog, type CollectedRecord, type CollectedRecords, collector, type CollectorOptions } from './audit-log/file-collector.ts'
export { fileContentKeys, type FileContentKeysOptions } from './audit-log/file-content-keys.ts'
export { fileAnchor } from './audit-log/file-anchor.ts'
export { type StoredEntry, storedEntries } from './audit-log/file-entries.ts'
export { feedSink, type LogFeed, type LogFeedOptions } from './audit-log/file-feed.ts'
export { type FileLog, type FileLogOptions, fileLog } from './audit-log/file-log.ts'
export { type ProvenEntry, proveEntry } from './audit-log/file-prove.ts'
export { fileSigner } from './audit-log/file-signer.ts'
export type { Problem, ProblemCode, Report } from './audit-log/log-report.ts'
export { type VerifiedRecords, verifiedRecords } from './audit-log/file-verified-entries.ts'
export { type VerifyOptions, verifyLog } from './audit-log/file-verify.ts'
export { LogError, type LogErrorCode } from './audit-log/log-error.ts'
export { formatProof, verifyProof } from './audit-log/verify-proof.ts'
export { policyFile } from './policy/policy-file.ts'
export { createFileAgreementKeys, type CreateAgreementKeysOptions, fileAgreementKeys } from './keys/file-agreement-keys.ts'
export {
  createFileKeys,
  fileKeys,
  type KeyringState,
  readFileKeys,
  rotateFileKeys,
  type RotateOptions,
} from './keys/file-keyring.ts'
export type { KeyringLock } from './keys/file-sealed.ts'
