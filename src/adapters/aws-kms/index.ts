/**
 * AWS KMS as a provider of keys.
 *
 * @module sallyport/aws-kms
 */

export { awsKms, type AwsKmsOptions, type KmsAnswer, type KmsCall, type KmsClient, type KmsKeyMetadata } from './aws-kms.ts'
export type { DataKey, KeyContext, KeyProvider, KeyState, WrappedKey } from '../../keys/key-provider.ts'
