/**
 * The AI SDK: its models behind a guard.
 *
 * @module sallyport/ai-sdk
 */

export { type GuardedModel, guardModel, type GuardModelOptions, type NamedModel, type WrappedGenerate, type WrappedStream } from './guard-model.ts'
