export type { CheckpointProblem } from './checkpoint.ts'
export type { EntryProblem } from './compare-entries.ts'
export { fileAnchor } from './file-anchor.ts'
export { type StoredEntry, storedEntries } from './file-entries.ts'
export { type FileLog, type FileLogOptions, fileLog } from './file-log.ts'
export { type ProvenEntry, proveEntry } from './file-prove.ts'
export { fileSigner } from './file-signer.ts'
export type { Problem, ProblemCode, Report } from './log-report.ts'
export { type VerifiedRecords, verifiedRecords } from './file-verified-entries.ts'
export { type VerifyOptions, verifyLog } from './file-verify.ts'
export { LogError, type LogErrorCode } from './log-error.ts'
export { formatProof, verifyProof } from './verify-proof.ts'
export { policyFile } from '../policy/policy-file.ts'
export {
  createFileKeys,
  fileKeys,
  type KeyringLock,
  type KeyringState,
  readFileKeys,
  rotateFileKeys,
  type RotateOptions,
} from '../keys/file-keyring.ts'
