/** Why a policy was not put into force. */
export type PolicyErrorCode =
  /** It could not be had: the source failed, was too late or too long, or the keys could not be had. */
  | 'unavailable'
  /** It is no policy; the message says where. */
  | 'malformed'
  /** It is not signed. */
  | 'unsigned'
  /** Its signature does not verify, is by a key that is not known, or there is one where none is expected. */
  | 'signature_invalid'
  /** It is older than the one that is in force. */
  | 'rolled_back'
  /** It is another policy: its `id` is not the one that is wanted. */
  | 'id_unexpected'
  /** It obliges to what was not foreseen. */
  | 'obligation_unknown'

/**
 * A policy that was not put into force. `message` is for the operator: it names the place and says what is wrong there, and
 * quotes at most names of the policy.
 */
export class PolicyError extends Error {
  override readonly name: string = 'PolicyError'
  readonly code: PolicyErrorCode

  constructor(code: PolicyErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
