import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Passkey } from '../../../src/adapters/webauthn/index.ts'

/** What is asked of an authenticator: `PublicKeyCredentialRequestOptionsJSON`, as far as it is read here. */
export interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
  readonly userVerification: string
  readonly timeout: number
  readonly allowCredentials?: readonly { readonly id: string; readonly type: string; readonly transports?: readonly string[] }[]
}

/** What may go wrong on the way. */
export interface Circumstances {
  readonly origin?: string
  readonly rpId?: string
  readonly challenge?: string
  readonly type?: string
  /** Whether the user was there, and whether it was verified. */
  readonly present?: boolean
  readonly verified?: boolean
  readonly counter?: number
  /** More members of the client data. */
  readonly client?: Readonly<Record<string, unknown>>
  /** Changes the signature. */
  readonly forged?: boolean
}

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()

/** An authenticator and the browser before it, in software: one passkey with a P-256 key, and real assertions. */
export class SoftwareAuthenticator {
  readonly id: string = randomBytes(16).toString('base64url')
  counter = 0
  readonly #key: KeyObject
  readonly #publicKey: Uint8Array

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    this.#key = privateKey
    // A COSE key (RFC 9052, section 7): kty EC2, alg ES256, crv P-256, and two byte strings of 32.
    const point = [
      Buffer.from('a50102032620012158' + '20', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ]
    this.#publicKey = Uint8Array.from(Buffer.concat(point))
  }

  /** What was registered of it. */
  passkey(counter: number = this.counter): Passkey {
    return { id: this.id, publicKey: this.#publicKey, counter, transports: ['internal'] }
  }

  /** An assertion as a browser gives it, as a text for `approvals`. */
  assert(options: RequestOptions, origin: string, circumstances: Circumstances = {}): string {
    const { present = true, verified = true, counter = ++this.counter, client = {}, forged = false } = circumstances
    const clientData = JSON.stringify({
      type: circumstances.type ?? 'webauthn.get',
      challenge: circumstances.challenge ?? options.challenge,
      origin: circumstances.origin ?? origin,
      crossOrigin: false,
      ...client,
    })
    const counted = Buffer.alloc(4)
    counted.writeUInt32BE(counter)
    const data = Buffer.concat([sha256(circumstances.rpId ?? options.rpId), Buffer.of((present ? 1 : 0) | (verified ? 4 : 0)), counted])
    const signature = sign('sha256', Buffer.concat([data, sha256(clientData)]), this.#key)
    if (forged) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1
    const response = {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      response: {
        clientDataJSON: Buffer.from(clientData).toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle: 'YWRh',
      },
      authenticatorAttachment: 'platform',
      clientExtensionResults: {},
    }
    return Buffer.from(JSON.stringify(response)).toString('base64url')
  }
}
