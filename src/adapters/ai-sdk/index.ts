export { type GuardedModel, guardModel, type GuardModelOptions, type NamedModel, type WrappedGenerate, type WrappedStream } from './guard-model.ts'
