/** A passkey that was registered before, as an application keeps it. */
export interface Passkey {
  /** The credential's id, in base64url. */
  readonly id: string
  /** The credential's public key, in COSE (RFC 9052, section 7). */
  readonly publicKey: Uint8Array
  /** What its authenticator counted last; 0 for those that do not count. */
  readonly counter: number
  /** How its authenticator is reached, such as `internal` or `usb`. */
  readonly transports?: readonly string[]
}

/** A passkey, copied: the form in which it is verified with. */
export interface KnownPasskey {
  readonly id: string
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly counter: number
  readonly transports?: string[]
}

/** The passkeys that an application gave, checked and copied. @throws TypeError for anything else. */
export function copyPasskeys(value: unknown): readonly KnownPasskey[] {
  if (!Array.isArray(value)) throw new TypeError('credentials: must give a list of passkeys')
  return Array.from(value, copyPasskey)
}

function copyPasskey(value: unknown): KnownPasskey {
  if (typeof value !== 'object' || value === null) throw new TypeError('credentials: a passkey must be an object')
  const { id, publicKey, counter, transports } = value as Partial<Passkey>
  if (typeof id !== 'string' || !/^[A-Za-z0-9_-]+$/.test(id)) throw new TypeError('credentials: the id of a passkey must be in base64url')
  if (!(publicKey instanceof Uint8Array)) throw new TypeError('credentials: the public key of a passkey must be bytes')
  if (!Number.isSafeInteger(counter) || counter === undefined || counter < 0)
    throw new TypeError('credentials: the counter of a passkey must be a whole number')
  if (transports === undefined) return { id, publicKey: Uint8Array.from(publicKey), counter }
  if (!Array.isArray(transports) || !transports.every((transport) => typeof transport === 'string'))
    throw new TypeError('credentials: the transports of a passkey must be a list of words')
  return { id, publicKey: Uint8Array.from(publicKey), counter, transports: [...transports] }
}
