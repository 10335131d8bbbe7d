/**
 * Google Cloud KMS as a provider of keys.
 *
 * @module sallyport/gcp-kms
 */

export { type GcpChecksum, type GcpDecrypted, type GcpEncrypted, gcpKms, type GcpKmsClient, type GcpKmsOptions } from './gcp-kms.ts'
export type { DataKey, KeyContext, KeyProvider, KeyState, WrappedKey } from '../../keys/key-provider.ts'
