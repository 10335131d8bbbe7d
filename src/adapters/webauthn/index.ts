/**
 * A passkey for one action.
 *
 * @module sallyport/webauthn
 */

export type { Passkey } from './passkey.ts'
export type { RelyingParty } from './relying-party.ts'
export { webauthnStepUp, type WebauthnStepUpOptions } from './webauthn-step-up.ts'
