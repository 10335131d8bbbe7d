/**
 * What needs a disk: the audit log in a folder, key files, keyrings, policies in files.
 *
 * @module sallyport/file
 */

export type { CheckpointProblem } from './checkpoint.ts'
export type { EntryProblem } from './compare-entries.ts'
export type { EvidenceHead } from './evidence.ts'
export type { EvidenceGap, EvidencePolicy, EvidenceSummary } from './evidence-summary.ts'
export { evidence, type EvidenceOptions } from './file-evidence.ts'
export { type EvidenceReport, verifyEvidence } from './verify-evidence.ts'
export { type CollectedLog, type CollectedRecord, type CollectedRecords, collector, type CollectorOptions } from './file-collector.ts'
export { fileContentKeys, type FileContentKeysOptions } from './file-content-keys.ts'
export { fileAnchor } from './file-anchor.ts'
export { type StoredEntry, storedEntries } from './file-entries.ts'
export { feedSink, type LogFeed, type LogFeedOptions } from './file-feed.ts'
export { type FileLog, type FileLogOptions, fileLog } from './file-log.ts'
export { type ProvenEntry, proveEntry } from './file-prove.ts'
export { fileSigner } from './file-signer.ts'
export type { Problem, ProblemCode, Report } from './log-report.ts'
export { type VerifiedRecords, verifiedRecords } from './file-verified-entries.ts'
export { type VerifyOptions, verifyLog } from './file-verify.ts'
export { LogError, type LogErrorCode } from './log-error.ts'
export { formatProof, verifyProof } from './verify-proof.ts'
export { policyFile } from '../policy/policy-file.ts'
export { createFileAgreementKeys, type CreateAgreementKeysOptions, fileAgreementKeys } from '../keys/file-agreement-keys.ts'
export {
  createFileKeys,
  fileKeys,
  type KeyringState,
  readFileKeys,
  rotateFileKeys,
  type RotateOptions,
} from '../keys/file-keyring.ts'
export type { KeyringLock } from '../keys/file-sealed.ts'
