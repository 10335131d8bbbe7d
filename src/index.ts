/**
 * The guard, its controls, the ports and their embedded defaults.
 *
 * @module sallyport
 */

// The engine
export type { CallOptions } from './guard/call-options.ts'
export { type Clock, systemClock } from './guard/clock.ts'
export type { AnswerCodec, Codec, Facts, Outside, Text, Usage, WireCodec } from './guard/codec.ts'
export type {
  Actor,
  Assurance,
  Attributes,
  Awaitable,
  Call,
  Channel,
  Credentials,
  Decision,
  Device,
  Entry,
  Identity,
  Json,
  Known,
  Masked,
  Obligation,
  Quota,
  Resource,
  Sealed,
  Settled,
  Trusted,
} from './guard/context.ts'
export { type Arrival, type Control, type ControlOptions, control, type Outcome, type Phases, type SealAnswer, type Step } from './guard/control.ts'
export {
  GuardError,
  type GuardErrorCode,
  isGuardError,
  type Problem,
  type ProblemDetails,
  reasonOf,
  type RefusalDetails,
  toProblem,
} from './guard/errors.ts'
export { type Guard, type Guarded, type GuardDescription, type GuardOptions, guard } from './guard/guard.ts'
export type { Operation } from './guard/operation.ts'
export { quotaHeaders } from './guard/quota-headers.ts'

// Controls
export { audit, type AuditOptions } from './controls/audit.ts'
export { type AuthorizeOptions, authorize, type Difference } from './controls/authorize.ts'
export { type EncryptFieldsOptions, encryptPayload, type EncryptPayloadOptions } from './controls/encrypt-payload.ts'
export { killSwitch, type KillSwitchOptions } from './controls/kill-switch.ts'
export { maskData, type MaskDataOptions } from './controls/mask-data.ts'
export { rateLimit, type RateLimitOptions } from './controls/rate-limit.ts'
export { shapeAnswers, type ShapeAnswersOptions } from './controls/shape-answers.ts'
export { unaudited } from './controls/unaudited.ts'
export { verifyIdentity, type VerifyIdentityOptions } from './controls/verify-identity.ts'

// Who is it
export { anonymous } from './identity/verifier.ts'
export { apiKey, type ApiKeyEntry, type ApiKeyOptions } from './identity/api-key.ts'
export { hashApiKey, newApiKey, type NewApiKeyOptions } from './identity/api-key.ts'
export type { AssuranceOptions } from './identity/assurance.ts'
export type { Certificate } from './identity/certificate.ts'
export { clientCertificate, type ClientCertificateOptions } from './identity/client-certificate.ts'
export { delegated, type DelegatedOptions } from './identity/delegated.ts'
export { type DelegateOptions, type Delegator, delegator, type DelegatorOptions } from './identity/delegator.ts'
export type { DeviceOptions, DevicePosture, Posture } from './identity/device-posture.ts'
export type { DpopNonceOptions, DpopOptions } from './identity/dpop-options.ts'
export { requireFactors } from './identity/factors.ts'
export { identityKey } from './identity/make-identity.ts'
export { jwt } from './identity/jwt.ts'
export type { JwtOptions } from './identity/jwt-options.ts'
export { jwtSvid, type JwtSvidOptions } from './identity/jwt-svid.ts'
export { type KnownDevices, knownDevices, type KnownDevicesOptions } from './identity/known-devices.ts'
export { oidcIdToken, type OidcIdTokenOptions } from './identity/oidc-id-token.ts'
export type { IntrospectionClient } from './identity/introspection-client.ts'
export { opaque, type OpaqueOptions } from './identity/opaque.ts'
export {
  protectedResourceMetadata,
  type ProtectedResourceMetadataOptions,
  protectedResourceMetadataUrl,
} from './identity/protected-resource-metadata.ts'
export type { RevocationScope, RevocationTarget } from './identity/revocation-list.ts'
export { type RevocationList, type RevocationListOptions, revocationList, type Revocations } from './identity/revocation-list.ts'
export { type SsfEvent, ssfReceiver, type SsfReceiverOptions } from './identity/ssf-receiver.ts'
export type { Verifier } from './identity/verifier.ts'
export { type Jwks, localJwks } from './keys/jwks.ts'
export type { KeyQuery, KeySource, VerificationKey } from './keys/key-source.ts'
export { discoveredKeys, type DiscoveredKeysOptions } from './keys/discovered-keys.ts'
export { spiffeBundle, type SpiffeBundle } from './keys/spiffe-bundle.ts'
export { remoteJwks, type RemoteJwksOptions } from './keys/remote-jwks.ts'
export { type MemoryStateOptions, memoryState } from './state/memory-state.ts'
export { StateError, type StateErrorCode, type StateStore, type StoredEntry } from './state/state-store.ts'
export { type Switches, switches, type SwitchesOptions, type SwitchTarget } from './state/switches.ts'

// May they
export type { AttributeType, AttributeTypes } from './policy/attributes.ts'
export { allOf, firstOf } from './policy/combine.ts'
export { type DecisionCache, decisionCache, type DecisionCacheOptions } from './policy/decision-cache.ts'
export {
  type ComparedDecisions,
  type DifferenceGroup,
  type DifferenceKind,
  type Differences,
  differences,
  type DifferencesOptions,
  type DifferencesReport,
} from './policy/differences.ts'
export { type LivePolicy, livePolicy, type LivePolicyDescription } from './policy/live-policy.ts'
export type { LivePolicyOptions, PolicyChange, PolicyInForce } from './policy/live-policy-options.ts'
export { openPolicy, type OpenPolicyOptions, type PolicySignature } from './policy/open-policy.ts'
export { PolicyError, type PolicyErrorCode } from './policy/policy-error.ts'
export { policyDigest } from './policy/policy-digest.ts'
export type { LoadRequest, PolicySource } from './policy/policy-source.ts'
export { signPolicy, type SignPolicyOptions } from './policy/sign-policy.ts'
export type { Day, Moment, Policy, PolicyObligation, Rule, TimeWindow, Undeclared, When } from './policy/policy.ts'
export type { PolicyEntity, PolicyEvaluator, PolicyRequest } from './policy/policy-evaluator.ts'
export {
  definePolicy,
  type ExplainedCondition,
  type ExplainedRule,
  type ExplainedScope,
  type ExplainedTruth,
  type ExplainOptions,
  type Explanation,
  type PolicyDescription,
  type PolicySet,
  policySet,
  type PolicySetOptions,
} from './policy/policy-set.ts'

// What of it was used
export {
  type AccessReview,
  type AccessReviewOptions,
  accessReview,
  type AccessUsage,
  type RoleReview,
  type RuleReview,
  type SubjectReview,
  type UsedRight,
  type UsedRule,
} from './access-review/access-review.ts'
export type { NarrowedRule, RuleChange } from './access-review/narrow-policy.ts'
export {
  type DecisionChange,
  type DecisionChangeKind,
  type PolicyDiff,
  policyDiff,
  type PolicyDiffOptions,
  type PolicyName,
} from './access-review/policy-diff.ts'
export type { PolicyJson, RuleJson } from './access-review/replay-policy.ts'
export type { Unusable } from './access-review/recorded-call.ts'
export type { ReviewProof } from './access-review/review-proof.ts'
export type { ScopePart } from './access-review/rule-scope.ts'
export type { RecordCounts, RecordOptions, Records } from './access-review/take-records.ts'

// Who lets it happen all the same
export { type ApprovalRequest, type Approvals, approvals, type ApprovalsOptions, type Approved } from './approval/approvals.ts'
export type { Approver } from './approval/approver.ts'
export { type Elevation, type Elevations, elevations, type ElevationsOptions } from './approval/elevations.ts'
export { type VendorGrants, vendorGrants, type VendorGrantsOptions } from './approval/vendor-grants.ts'
export { signApproval, type SignableRequest, type SignApprovalOptions } from './approval/sign-approval.ts'

// How much
export { type AddressKeyOptions, byAddress } from './limits/by-address.ts'
export { type CachedLimits, type CachedLimitsOptions, cachedLimits } from './limits/cached-limits.ts'
export { type Limit, type LimitUnit, type LimitWindow, type PlannedLimit, planLimit } from './limits/limit.ts'
export { type LimitCount, type LimitCounters, limitCounters } from './limits/limit-counters.ts'
export type { LimitsOption } from './limits/limit-plans.ts'
export type { Amounts, KeyedLimit, LimitState, LimitStore, Refusal, Reservation, Violation } from './limits/limit-store.ts'
export { type MemoryLimits, type MemoryLimitsOptions, memoryLimits, type MemoryReservation } from './limits/memory-limits.ts'
export type { Price, Prices } from './limits/prices.ts'
export type { TokenEstimate } from './limits/token-estimate.ts'

// What must not be seen
export type { AsyncDetector, TypedSpan } from './masking/async-detector.ts'
export type { Detect, Detector, Finding, Span } from './masking/detector.ts'
export { type Detectors, detectors, type IdentifierDetectors } from './masking/detectors.ts'
export type { IdentifierName } from './masking/identifiers/all.ts'
export { type Masker, type MaskerOptions, masker } from './masking/masker.ts'
export { type PatternOptions, pattern } from './masking/pattern.ts'
export type { MaskDirection } from './masking/mask-duty.ts'
export type { Hidden } from './masking/masking.ts'
export type { MaskMode, ModeChoice, Position, TypedModes } from './masking/modes.ts'
export type { SessionPseudonyms } from './masking/session-pseudonyms.ts'
export { loadSurrogates } from './masking/surrogate.ts'
export { scan } from './masking/scan.ts'
export type { TextStream } from './masking/masker.ts'

// Anonymised data sets
export { anonymize, type Anonymized, type AnonymizeOptions, type RowSource } from './anonymize/anonymize.ts'
export type { AnonymizePlan, ColumnMode, ColumnPlan, GeneralizedColumn, TextColumn, ValueColumn } from './anonymize/plan.ts'
export { type Pieces, readCsv, type ReadCsvOptions } from './anonymize/csv-reader.ts'
export { writeCsv, type WriteCsvOptions } from './anonymize/csv-writer.ts'
export type { Generalization } from './anonymize/generalize.ts'
export { readJsonLines, writeJsonLines } from './anonymize/json-rows.ts'
export type { AnonymizeReport, ColumnReport, Reached } from './anonymize/report.ts'
export type { Row } from './anonymize/row.ts'

// Sealed payloads
export { openAnswer, openAnswers, openReply, type Reply } from './encryption/sealed-answer.ts'
export { type MemoryReplayOptions, memoryReplay, type ReplayMemory } from './encryption/replay-memory.ts'
export { type ReplyKey, type SealedRequest, type SealRequestOptions, sealRequest } from './encryption/seal-request.ts'
export type { AgreementAlgorithm, AgreementCurve, AgreementKey } from './keys/agreement-key.ts'
export type { AgreementKeys, DecryptionKey, PublicKey, PublicKeySet } from './keys/agreement-keys.ts'

// Sealed values
export { rewrapAll, type RewrapAllOptions, type RewrapProgress, type SealedItem } from './encryption/rewrap-all.ts'
export type { SealContext } from './encryption/seal-context.ts'
export { fromSealedText, isSealedText, toSealedText } from './encryption/sealed-text.ts'
export type { ByteSource, SealedReader } from './encryption/sealed-reader.ts'
export { type Sealer, sealer, type SealerOptions } from './encryption/sealer.ts'
export type { Suite } from './encryption/suites.ts'
export { combine } from './keys/combine.ts'
export type { DataKeyMetrics, DataKeyOptions } from './keys/data-keys.ts'
export type { DataKey, KeyContext, KeyProvider, KeyState, WrappedKey } from './keys/key-provider.ts'
export type { KeyringOptions } from './keys/keyring.ts'
export { memorySubjectKeys, type SubjectKeys, subjectKeys, type SubjectKeysOptions, type SubjectKeyStore } from './keys/subject-keys.ts'
export { type LocalAgreementKeysOptions, localKeys } from './keys/local-keys.ts'

// What happened
export { exportedAnchor, type ExportedAnchorOptions } from './audit-log/exported-anchor.ts'
export { witnessAnchor, type WitnessAnchorOptions } from './audit-log/witness-anchor.ts'
export type {
  Anchor,
  AppendOptions,
  AuditLog,
  AuditSink,
  Checkpoint,
  ConsistencyProver,
  LoggedEntry,
  Proof,
  Receipt,
  Signer,
} from './audit-log/audit-log.ts'
export { httpSink, type HttpSinkOptions } from './audit-log/http-sink.ts'
export { lineSink } from './audit-log/line-sink.ts'
export { type MemoryLog, type MemoryLogOptions, memoryLog } from './audit-log/memory-log.ts'
export type { RecordedAttributes } from './audit-log/recorded-attributes.ts'
export type { Durability } from './audit-log/record-writer.ts'
export { type ContentKey, type ContentKeys, memoryContentKeys } from './audit-log/content-keys.ts'
export { wrappedContentKeys, type WrappedContentKeysOptions } from './audit-log/wrapped-content-keys.ts'
export { openContent } from './audit-log/open-content.ts'
export type { TraceContext } from './guard/trace-context.ts'
export type {
  AuditRecord,
  CallRecord,
  ContentRecord,
  DecisionRecord,
  LogRecord,
  OutcomeRecord,
  RecordedContent,
  RecordedSubject,
  RefusalsRecord,
} from './audit-log/record.ts'

// How payloads are read
export { aiSdkModel } from './payload/ai-sdk-model.ts'
export { type ModelCall, type ModelCallMessage, toModelCall } from './payload/ai-sdk-request.ts'
export { anthropicMessages } from './payload/anthropic-messages.ts'
export type { MessagesBlock, MessagesRequest } from './payload/anthropic-messages-request.ts'
export { geminiContent } from './payload/gemini-content.ts'
export type { GeminiGeneration, GeminiRequest, GeminiTool } from './payload/gemini-content-request.ts'
export { json, type JsonOptions } from './payload/json.ts'
export { type JsonLinesParser, jsonLinesParser, type LineBounds } from './payload/json-lines.ts'
export { withVendorStore } from './payload/json-codec.ts'
export { langchainMessages } from './payload/langchain-messages.ts'
export type { LangchainMessage, LangchainRequest } from './payload/langchain-request.ts'
export { mcpTool, type ToolCall, type ToolCallRequest } from './payload/mcp-tool.ts'
export { openaiChat } from './payload/openai-chat.ts'
export type { ChatMessage, ChatRequest, ChatTextPart, ChatTool, ChatToolCall, ChatUserPart } from './payload/openai-chat-request.ts'
export { openaiEmbeddings, type EmbeddingsRequest } from './payload/openai-embeddings.ts'
export { openaiResponses } from './payload/openai-responses.ts'
export type { ResponsesItem, ResponsesRequest, ResponsesTool } from './payload/openai-responses-request.ts'
export { plainText } from './payload/plain-text.ts'
export type { StandardResult, StandardSchema } from './payload/standard-schema.ts'

// What a guard covers
export type { Gap, Severity } from './posture/gap.ts'
export { type GuardPosture, posture } from './posture/posture.ts'
// Tools and retrieval
export { type GuardToolsOptions, guardTools, type Tools } from './tools/guard-tools.ts'
export type { Validate } from './tools/argument-check.ts'
export type { ToolAuthority } from './tools/tool-authority.ts'
export { type GuardedRetriever, type GuardRetrieverOptions, guardRetriever, type HitOf, type Retriever } from './tools/guard-retriever.ts'

// Servers and model clients
export type { Fetch } from './adapters/fetch/exchange.ts'
export { type GuardedFetch, type GuardFetchOptions, guardFetch } from './adapters/fetch/guard-fetch.ts'
export { sealingFetch, type SealingFetchOptions } from './adapters/fetch/sealing-fetch.ts'
export type { ForwardedCertificate } from './adapters/web/forwarded-certificate.ts'
export { type Answer, guardHandler, type HandlerOptions } from './adapters/web/guard-handler.ts'
export type { ServerOptions, StatedChannel } from './adapters/web/server-options.ts'
export type { WireOperation } from './adapters/web/server-options.ts'
