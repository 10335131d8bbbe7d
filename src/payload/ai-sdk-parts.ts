import { address, data, link, mediaType, sealedByVendor } from './address.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  dropped,
  each,
  identifier,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  refused,
  tag,
  text,
  textIn,
  variants,
  word,
} from './shape.ts'
import { argumentValues } from './tool-arguments.ts'
import { storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

const sealed = {
  signature: nullable(sealedByVendor),
  thoughtSignature: nullable(sealedByVendor),
  reasoningEncryptedContent: nullable(sealedByVendor),
  redactedData: nullable(sealedByVendor),
}

/** For each provider its own members. */
/* @__NO_SIDE_EFFECTS__ */
function ofProviders(shape: Shape): Shape {
  return nullable(members({}, { others: (value, walk) => (isRecord(value) ? shape(value, walk) : anyJson(value, walk)) }))
}

/** What a provider says of a part of its answer. */
export const providerMetadata: Shape = ofProviders(members(all(sealed, { itemId: nullable(label) }), { others: anyJson }))

/** The same, as it comes back beside a part of a prompt. What would make a provider look the part up in its store is left out. */
const partOptions: Shape = ofProviders(
  members(
    all(sealed, { itemId: dropped, fileId: storeReference('a file'), containerUpload: refused('what runs at the vendor (a container)', false) }),
    { others: anyJson },
  ),
)

// What providers are known to be told of a whole call. Another member may be a reference, a tool or a bound of its own.
const known: readonly string[] = [
  'audioTimestamp',
  'cacheControl',
  'disableParallelToolUse',
  'effort',
  'forceReasoning',
  'instructions',
  'labels',
  'logitBias',
  'maxToolCalls',
  'mediaResolution',
  'metadata',
  'parallelToolCalls',
  'prediction',
  'promptCacheKey',
  'promptCacheRetention',
  'reasoningEffort',
  'reasoningSummary',
  'reasoning_effort',
  'safetyIdentifier',
  'safetySettings',
  'sendReasoning',
  'serviceTier',
  'speed',
  'strictJsonSchema',
  'strictSchemas',
  'structuredOutputMode',
  'structuredOutputs',
  'systemMessageMode',
  'textVerbosity',
  'thinking',
  'thinkingConfig',
  'toolStreaming',
  'truncation',
  'user',
]

/** What a provider is told of a whole call. */
export const callOptions: Shape = ofProviders(
  members(
    all(
      each(known, () => anyJson),
      {
        store: refused('a conversation that the vendor keeps', false),
        logprobs: refused('alternatives for each token, which no control can cover', false, 0),
        include: nullable(list(word('reasoning.encrypted_content'))),
        previousResponseId: storeReference('an earlier answer'),
        conversation: storeReference('a conversation'),
        cachedContent: storeReference('a cache'),
        container: storeReference('a container'),
        mcpServers: refused('what runs at the vendor (remote MCP servers)'),
      },
    ),
  ),
)

const reference = storeReference('a file')

// Bytes, base64, or an address: of this one nobody reads but an address.
const bytes: Shape = (value, walk) => {
  if (!(value instanceof Uint8Array)) return data(value, walk)
  walk.opaque()
  return value
}

// Tagged from the fourth version on.
const tagged = variants('type', {
  data: members({ type: tag, data: bytes }, { required: ['data'] }),
  url: members({ type: tag, url: address, originalUrl: address }, { required: ['url'] }),
  text: members({ type: tag, text }, { required: ['text'] }),
  reference,
})

const fileData: Shape = (value, walk) => (isRecord(value) ? tagged : bytes)(value, walk)

const file = members(
  { type: tag, data: fileData, mediaType, filename: text, originalUrl: address, providerOptions: partOptions },
  { required: ['data'] },
)

/** Tools run where the application is, unless the provider runs them. */
export const ranHere: Shape = nullable(refused('what runs at the vendor (a tool of the provider)', false))

const textPart = members({ type: tag, text, providerOptions: partOptions }, { required: ['text'] })

const encoded = members({ type: tag, data, mediaType, filename: text, providerOptions: partOptions }, { required: ['data'] })

const linked = members({ type: tag, url: link, mediaType, providerOptions: partOptions }, { required: ['url'] })

const output = variants('type', {
  text: members({ type: tag, value: text, providerOptions: partOptions }, { required: ['value'] }),
  json: members({ type: tag, value: anyJson, providerOptions: partOptions }, { required: ['value'] }),
  'error-text': members({ type: tag, value: text, providerOptions: partOptions }, { required: ['value'] }),
  'error-json': members({ type: tag, value: anyJson, providerOptions: partOptions }, { required: ['value'] }),
  'execution-denied': members({ type: tag, reason: text, providerOptions: partOptions }),
  content: members(
    {
      type: tag,
      value: list(
        variants('type', {
          text: textPart,
          media: encoded,
          file,
          'file-data': encoded,
          'image-data': encoded,
          'file-url': linked,
          'image-url': linked,
          'file-id': reference,
          'image-file-id': reference,
        }),
      ),
      providerOptions: partOptions,
    },
    { required: ['value'] },
  ),
})

const call = { type: tag, toolCallId: identifier, toolName: identifier, providerExecuted: ranHere, providerOptions: partOptions }

const result = by('tool', members(all(call, { output }), { required: ['toolCallId', 'toolName', 'output'] }))

/* @__NO_SIDE_EFFECTS__ */
function message(role: 'user' | 'assistant' | 'tool', parts: Readonly<Record<string, Shape>>): Shape {
  return by(role, members({ role: tag, content: list(variants('type', parts)), providerOptions: partOptions }, { required: ['content'] }))
}

/** A message of a prompt. */
export const promptMessage: Shape = variants('role', {
  system: by('system', members({ role: tag, content: text, providerOptions: partOptions }, { required: ['content'] })),
  user: message('user', { text: textPart, file }),
  assistant: message('assistant', {
    text: textPart,
    file,
    reasoning: textPart,
    'reasoning-file': file,
    'tool-call': members(all(call, { input: argumentValues }), { required: ['toolCallId', 'toolName', 'input'] }),
    'tool-result': result,
  }),
  tool: message('tool', {
    'tool-result': result,
    'tool-approval-response': refused('what runs at the vendor (an approval of a tool of the provider)'),
  }),
})

// Tools that a provider describes, and the application runs all the same.
const ranByApplication = /^(?:anthropic\.(?:bash|text_editor|computer|memory)_\d{8}|openai\.(?:local_shell|apply_patch|custom))$/

const ofProvider: Shape = (value, walk) => {
  const id = isRecord(value) ? value.id : undefined
  if (typeof id !== 'string' || !ranByApplication.test(id)) throw walk.unsupported('what runs at the vendor (a tool of the provider)')
  return providerTool(value, walk)
}

const providerTool = members({ type: tag, id: identifier, name: identifier, args: anyObject }, { required: ['id', 'name'] })

/** A tool that a model is offered. */
export const offeredTool: Shape = variants('type', {
  function: members(
    {
      type: tag,
      name: identifier,
      description: text,
      inputSchema: anyObject,
      inputExamples: list(members({ input: anyJson })),
      strict: boolean,
      providerOptions: partOptions,
    },
    { required: ['name', 'inputSchema'] },
  ),
  provider: ofProvider,
  'provider-defined': ofProvider,
})

const url: Shape = (value, walk) => walk.text(textIn(value, walk), 'url')

/** Where something was found. */
export const source: Shape = members(
  { type: word('source'), sourceType: word('url', 'document'), id: label, url, title: text, filename: text, mediaType: label, providerMetadata },
  { required: ['sourceType'] },
)

/** What a text was taken from. */
export const citations: Shape = nullable(list(members({ source, startIndex: number, endIndex: number, citedText: text }, { required: ['source'] })))
