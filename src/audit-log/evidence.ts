// A bundle of evidence is lines of UTF-8:
//
//   {"evidence":"sallyport/evidence/v1", …}     what it is about, the signed checkpoint, and the proofs
//   {"action":"chat", …}                        the entries of the range, each as it stands in the log
//   {"summary":{ … }}                           what they add up to
//   sallyport evidence v1                       and a signed note (C2SP) over the digest of all lines before it
//   <origin>
//   <SHA-256 of them, in base64>
//
//   — <origin> <signature>
//
// The hashes to the left of the range and the entries give the tree of the first `end` entries, and the consistency proof
// (RFC 9162, section 2.1.4) leads from there to the root that the checkpoint signs.

/** What the first line says. */
export interface EvidenceHead {
  readonly evidence: 'sallyport/evidence/v1'
  /** The log's name, and the key that its checkpoint verifies with. */
  readonly origin: string
  readonly key: string
  /** The period, in milliseconds since 1970: from `since` on, and before `until`. */
  readonly since: number
  readonly until: number
  /** The entries that follow: from `first` on, and before `end`. With a neighbour on each side, where there is one. */
  readonly first: number
  readonly end: number
  /** The newest signed checkpoint of the log. */
  readonly checkpoint: string
  /** The checkpoint that an anchor remembered, where there is one. */
  readonly anchor?: string
  /** Whole subtrees of the tree of the first `first` entries, the largest first, in base64. */
  readonly left: readonly string[]
  /** The consistency proof from the tree of the first `end` entries to that of the checkpoint, in base64. */
  readonly consistency: readonly string[]
}

/** The name of this format. */
export const evidenceFormat = 'sallyport/evidence/v1'

/** The first line of the note that signs it. */
export const evidenceTitle = 'sallyport evidence v1'
