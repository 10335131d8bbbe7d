/**
 * The names of OpenTelemetry's semantic conventions that are written, in one place: those for generative AI are still in
 * development and have been renamed before. What no convention names begins with `sallyport.`.
 */
export const names = {
  // Conventions for generative AI.
  operation: 'gen_ai.operation.name',
  requestModel: 'gen_ai.request.model',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  tokenType: 'gen_ai.token.type',
  toolName: 'gen_ai.tool.name',
  agentId: 'gen_ai.agent.id',
  // General ones.
  errorType: 'error.type',
  userId: 'user.id',
  // Our own.
  guard: 'sallyport.guard',
  call: 'sallyport.call.id',
  task: 'sallyport.task.id',
  parent: 'sallyport.parent.id',
  index: 'sallyport.log.index',
  leafHash: 'sallyport.log.leaf_hash',
  missed: 'sallyport.log.missed',
  origin: 'sallyport.log.origin',
  size: 'sallyport.log.size',
  root: 'sallyport.log.root',
  allowed: 'sallyport.decision.allowed',
  policy: 'sallyport.policy.id',
  policyVersion: 'sallyport.policy.version',
  rules: 'sallyport.policy.rules',
  obligations: 'sallyport.obligations',
  ending: 'sallyport.call.ending',
  streamed: 'sallyport.call.streamed',
  parts: 'sallyport.call.parts',
  masked: 'sallyport.masked',
  resourceType: 'sallyport.resource.type',
  resourceId: 'sallyport.resource.id',
  tenant: 'sallyport.tenant',
  subjectKind: 'sallyport.subject.kind',
  reason: 'sallyport.refusal.reason',
  refusals: 'sallyport.refusals',
} as const

/** The instruments: histograms by the conventions, counters of our own. */
export const instruments = {
  duration: 'gen_ai.client.operation.duration',
  tokens: 'gen_ai.client.token.usage',
  calls: 'sallyport.calls',
  masked: 'sallyport.masked.values',
  missed: 'sallyport.sink.missed',
} as const

/** Bounds of buckets that the conventions advise: seconds, and tokens. */
export const buckets = {
  duration: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  tokens: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
} as const
