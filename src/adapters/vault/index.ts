/**
 * Vault and OpenBao as a provider of keys.
 *
 * @module sallyport/vault
 */

export { vaultTransit, type VaultTransitOptions } from './vault-transit.ts'
export type { DataKey, KeyContext, KeyProvider, KeyState, WrappedKey } from '../../keys/key-provider.ts'
