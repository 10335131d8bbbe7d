/** Why a log was not opened. */
export type LogErrorCode =
  /** Another writer has it. */
  | 'locked'
  /** Its newest checkpoint is not signed by this signer's key, or not for this origin. */
  | 'key_unknown'
  | 'signature_invalid'
  | 'checkpoint_malformed'
  | 'checkpoint_missing'
  /** Its entries are not those that were signed. */
  | 'root_mismatch'
  /** Entries that were signed, or acknowledged, are not there. */
  | 'truncated'
  /** The anchor knows a larger tree: an older copy was put back, or the tail was cut. */
  | 'rolled_back'
  /** The anchor knows another tree. */
  | 'forked'
  | 'anchor_unavailable'
  /** Another key was named to follow this one: it is too late to go on with this one. */
  | 'key_rotated'
  /** A file of it is no regular file, or larger than such a file can be. */
  | 'unreadable'

/**
 * A log that was not opened, because to write to it would hide what happened to it. `message` is for the operator and
 * says what to do; it holds nothing of a record.
 */
export class LogError extends Error {
  override readonly name: string = 'LogError'
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
