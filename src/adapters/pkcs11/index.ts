/**
 * A module in hardware as a provider of keys.
 *
 * @module sallyport/pkcs11
 */

export { type Pkcs11, pkcs11Keys, type Pkcs11KeysOptions, type Pkcs11Mechanism } from './pkcs11-keys.ts'
export type { DataKey, KeyContext, KeyProvider, KeyState, WrappedKey } from '../../keys/key-provider.ts'
