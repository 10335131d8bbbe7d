import { type Check, checkOptions } from '../../guard/check-options.ts'

/** Whom passkeys are registered with. */
export interface RelyingParty {
  /** Its id: a domain, such as `example.com`. */
  readonly id: string
  /**
   * The origins at which callers approve, such as `https://app.example.com`. Plain http only for a loopback address; an
   * application of Android by its `android:apk-key-hash:`.
   */
  readonly origins: string | readonly string[]
}

const checks: Readonly<Record<keyof RelyingParty, Check>> = {
  id: [isDomain, 'a domain in lower case, such as example.com'],
  origins: [
    (value) => (Array.isArray(value) ? value.length > 0 && value.every(isOrigin) : isOrigin(value)),
    'an origin such as https://app.example.com, or a list of them',
  ],
}

/** Checks and copies a relying party. @throws TypeError */
export function relyingPartyOf(party: RelyingParty): { readonly id: string; readonly origins: readonly string[] } {
  checkOptions('webauthnStepUp: relyingParty', party, checks)
  const { id, origins } = party
  return Object.freeze({ id, origins: Object.freeze(typeof origins === 'string' ? [origins] : [...origins]) })
}

function isDomain(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(`https://${value}`) && new URL(`https://${value}`).hostname === value
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string') return false
  if (/^android:apk-key-hash:[A-Za-z0-9_-]+$/.test(value)) return true
  if (!URL.canParse(value)) return false
  const { origin, protocol, hostname } = new URL(value)
  return origin === value && (protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)))
}
