export { type GuardedModel, guardModel, type GuardModelOptions, type WrappedGenerate, type WrappedStream } from './guard-model.ts'
