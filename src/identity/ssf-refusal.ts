/** Why a delivery was not accepted (RFC 8935, section 2.4). */
type SsfErrorCode = 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience' | 'authentication_failed' | 'access_denied'

/** A refusal in words that the transmitter reads: nothing private in them, and nothing of what it sent. */
export class SsfRefusal extends Error {
  override readonly name: string = 'SsfRefusal'
  readonly code: SsfErrorCode
  readonly status: number
  /** Header fields for the answer; names in lower case. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: SsfErrorCode, description: string, status = 400, headers: Readonly<Record<string, string>> = {}) {
    super(description)
    this.code = code
    this.status = status
    this.headers = headers
  }
}

/** What came is no token, or says what its kind of event cannot say. */
export function invalidRequest(description: string): SsfRefusal {
  return new SsfRefusal('invalid_request', description)
}
