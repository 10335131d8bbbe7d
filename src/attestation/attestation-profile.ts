/** Where a claim stands: the names from the outside in. */
export type ClaimPath = readonly string[]

/** A claim that must have one of these values; where it is a list of texts, one of them must stand in it. */
export interface RequiredClaim {
  readonly claim: ClaimPath
  readonly values: readonly (string | boolean | number)[]
}

/**
 * How the tokens of one attestation service say what they say. Each claim has one place: what stands elsewhere counts for nothing.
 */
export interface AttestationProfile {
  readonly name: string
  /** The algorithms of the service, unless the options of `attestationToken` say otherwise. */
  readonly algorithms: readonly string[]
  /** Whether its tokens name an audience. Those that do not are bound to one by the nonce alone. */
  readonly audience: boolean
  /** Where the nonce stands: a text, or a list of texts that holds it. It must be one that the hardware signed for. */
  readonly nonce: ClaimPath
  /**
   * Where the workload's key stands: a JWK, a JWK Set of which exactly one is for encryption, or texts that hold the thumbprint
   * (RFC 7638) of a key that the workload sends along.
   */
  readonly key: { readonly jwk: ClaimPath } | { readonly jwks: ClaimPath } | { readonly thumbprint: ClaimPath }
  /** What must be said so that nobody may look into the workload while it runs. Each of them must be there, and be no list. */
  readonly debug: readonly RequiredClaim[]
  /** What else must hold of every token. */
  readonly required: readonly RequiredClaim[]
  /** What may be pinned, by the names that `measurements` uses. */
  readonly measurements: Readonly<Record<string, ClaimPath>>
  /** Which of them say what runs: one of these must be pinned. */
  readonly program: readonly string[]
}

/** RFC 9711, section 4.2.9.1. `disabled` alone says nothing of what was enabled before. */
const disabled = ['disabled-since-boot', 'disabled-permanently', 'disabled-fully-and-permanently']
const runtime = 'x-ms-runtime'
const azure = {
  algorithms: ['RS256'],
  audience: false,
  // Of the token request there is a nonce of its own, which the hardware does not sign: with an old report it is as good as none.
  nonce: [runtime, 'nonce'],
  key: { jwks: [runtime, 'keys'] },
} as const

// All the way down: what somebody adds to a list of allowed values would be allowed for everybody.
function freeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member)
  return Object.freeze(value)
}

/** What is known of attestation services, by name. */
export const attestationProfiles: Readonly<
  Record<'eat' | 'confidentialSpace' | 'azureSevSnp' | 'azureSgx' | 'trustAuthorityTdx', AttestationProfile>
> = Object.freeze({
  /**
   * An Entity Attestation Token as a JWT (RFC 9711), with its key as a confirmation (RFC 7800). The standard leaves to each profile
   * where it says what runs: to be copied, with `measurements` and `program` of one's own.
   */
  eat: freeze({
    name: 'eat',
    algorithms: ['ES256', 'ES384', 'EdDSA'],
    audience: true,
    nonce: ['eat_nonce'],
    key: { jwk: ['cnf', 'jwk'] },
    debug: [{ claim: ['dbgstat'], values: disabled }],
    required: [],
    measurements: { eat_profile: ['eat_profile'], ueid: ['ueid'], hwmodel: ['hwmodel'], swname: ['swname'] },
    program: [],
  }),
  /** Google Confidential Space. A token names no key: its thumbprint is a nonce as well. */
  confidentialSpace: freeze({
    name: 'confidentialSpace',
    algorithms: ['RS256'],
    audience: true,
    nonce: ['eat_nonce'],
    key: { thumbprint: ['eat_nonce'] },
    debug: [{ claim: ['dbgstat'], values: ['disabled-since-boot'] }],
    required: [
      { claim: ['swname'], values: ['CONFIDENTIAL_SPACE'] },
      { claim: ['secboot'], values: [true] },
      { claim: ['submods', 'confidential_space', 'support_attributes'], values: ['STABLE'] },
    ],
    measurements: {
      image_digest: ['submods', 'container', 'image_digest'],
      image_reference: ['submods', 'container', 'image_reference'],
      image_id: ['submods', 'container', 'image_id'],
      hwmodel: ['hwmodel'],
      project_id: ['submods', 'gce', 'project_id'],
      zone: ['submods', 'gce', 'zone'],
    },
    program: ['image_digest', 'image_id'],
  }),
  /** Azure Attestation of confidential containers on AMD SEV-SNP. */
  azureSevSnp: freeze({
    name: 'azureSevSnp',
    ...azure,
    debug: [{ claim: ['x-ms-sevsnpvm-is-debuggable'], values: [false] }],
    required: [
      { claim: ['x-ms-attestation-type'], values: ['sevsnpvm'] },
      { claim: ['x-ms-compliance-status'], values: ['azure-compliant-uvm'] },
    ],
    measurements: {
      hostdata: ['x-ms-sevsnpvm-hostdata'],
      launchmeasurement: ['x-ms-sevsnpvm-launchmeasurement'],
      authorkeydigest: ['x-ms-sevsnpvm-authorkeydigest'],
    },
    program: ['hostdata'],
  }),
  /** Azure Attestation of Intel SGX. */
  azureSgx: freeze({
    name: 'azureSgx',
    ...azure,
    debug: [{ claim: ['x-ms-sgx-is-debuggable'], values: [false] }],
    required: [{ claim: ['x-ms-attestation-type'], values: ['sgx'] }],
    measurements: {
      mrenclave: ['x-ms-sgx-mrenclave'],
      mrsigner: ['x-ms-sgx-mrsigner'],
      'product-id': ['x-ms-sgx-product-id'],
      svn: ['x-ms-sgx-svn'],
    },
    program: ['mrenclave'],
  }),
  /** Intel Trust Authority (tokens of version 2) for Intel TDX. */
  trustAuthorityTdx: freeze({
    name: 'trustAuthorityTdx',
    algorithms: ['PS384'],
    audience: false,
    nonce: ['tdx', 'attester_runtime_data', 'nonce'],
    key: { jwks: ['tdx', 'attester_runtime_data', 'keys'] },
    debug: [{ claim: ['tdx', 'tdx_is_debuggable'], values: [false] }],
    required: [
      { claim: ['tdx', 'attester_type'], values: ['TDX'] },
      { claim: ['tdx', 'attester_tcb_status'], values: ['UpToDate'] },
    ],
    measurements: {
      mrtd: ['tdx', 'tdx_mrtd'],
      rtmr0: ['tdx', 'tdx_rtmr0'],
      rtmr1: ['tdx', 'tdx_rtmr1'],
      rtmr2: ['tdx', 'tdx_rtmr2'],
      rtmr3: ['tdx', 'tdx_rtmr3'],
      mrseam: ['tdx', 'tdx_mrseam'],
    },
    program: ['mrtd'],
  }),
})
