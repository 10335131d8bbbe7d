import { GuardError } from '../../guard/errors.ts'
import { isRecord } from '../../payload/shape.ts'

/** A tool as policy and masking see it. */
export interface PlainTool {
  readonly name: string
  readonly description?: string
  readonly schema?: { [name: string]: unknown }
}

/** What a call is told beside its messages, taken apart. */
export interface TakenOptions {
  readonly tools: readonly PlainTool[]
  /** What the vendor reads, and so the controls. */
  readonly told: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal | undefined
  readonly token: unknown
}

// What the vendor is told of one call.
const told: ReadonlySet<string> = new Set([
  'disable_parallel_tool_use',
  'effort',
  'max_completion_tokens',
  'max_tokens',
  'maxOutputTokens',
  'maxTokens',
  'output_config',
  'outputConfig',
  'output_format',
  'outputFormat',
  'parallel_tool_calls',
  'promptCacheKey',
  'promptCacheRetention',
  'reasoning',
  'reasoning_effort',
  'reasoningEffort',
  'response_format',
  'responseMimeType',
  'responseSchema',
  'seed',
  'service_tier',
  'stop',
  'stream_options',
  'strict',
  'temperature',
  'text',
  'thinking',
  'tool_choice',
  'topP',
  'top_p',
  'user',
  'verbosity',
])

// What stays in the process.
const kept: ReadonlySet<string> = new Set([
  'callbacks',
  'configurable',
  'ls_structured_output_format',
  'maxConcurrency',
  'maxRetries',
  'metadata',
  'outputVersion',
  'promptIndex',
  'recursionLimit',
  'runId',
  'runName',
  'signal',
  'streamUsage',
  'tags',
  'timeout',
  'version',
])

// What a graph hands on to whatever runs in it. It is not for models, and none is given it.
const ofGraph: ReadonlySet<string> = new Set([
  'checkpointDuring',
  'context',
  'control',
  'durability',
  'executionInfo',
  'heartbeat',
  'interrupt',
  'interruptAfter',
  'interruptBefore',
  'outputKeys',
  'serverInfo',
  'streamMode',
  'writer',
])

// A graph's store is an object with methods; what a vendor would keep is asked for with a switch.
function isOfGraph(name: string, value: unknown): boolean {
  return ofGraph.has(name) || (name === 'store' && typeof value === 'object')
}

/** Takes the options of a call apart. @throws GuardError `payload_unsupported` for what is not known. */
export function takeOptions(options: Readonly<Record<string, unknown>>): TakenOptions {
  const own: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || kept.has(name) || isOfGraph(name, value) || name === 'tools' || name === 'sallyport') continue
    if (!told.has(name)) throw new GuardError('payload_unsupported', { reason: `an unknown call option '${name.slice(0, 64)}'` })
    own[name] = name === 'response_format' ? plainFormat(value, options.ls_structured_output_format) : value
  }
  const { tools, signal, sallyport: token } = options
  return {
    tools: tools === undefined || tools === null ? [] : listOf(tools).map(plainTool),
    told: own,
    signal: signal instanceof AbortSignal ? signal : undefined,
    token,
  }
}

/** The options for the model, with what the controls made of them. */
export function givenOptions(
  options: Readonly<Record<string, unknown>>,
  tools: readonly PlainTool[],
  own: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Record<string, unknown> {
  const given: Record<string, unknown> = { signal, ...own }
  for (const name of kept) if (name !== 'signal' && name !== 'callbacks' && name in options) given[name] = options[name]
  const before = options.tools
  if (Array.isArray(before)) given.tools = before.map((tool: unknown, index) => vendorTool(tool, tools[index]))
  return given
}

// A schema of a library, as `withStructuredOutput` gives it to some models. LangChain says it as JSON Schema beside.
function plainFormat(format: unknown, beside: unknown): unknown {
  if (!isRecord(format) || !isRecord(format.json_schema) || !isInstance(format.json_schema.schema)) return format
  if (!isRecord(beside) || !isRecord(beside.schema))
    throw new GuardError('payload_unsupported', { reason: 'a schema that is no JSON Schema, and that nothing says as one' })
  const { title: _title, ...schema } = beside.schema
  return { ...format, json_schema: { strict: true, ...format.json_schema, schema } }
}

function isInstance(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype !== null && Object.getPrototypeOf(prototype) !== null
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable()
  return value
}

// The two forms that `bindTools` gives tools: OpenAI's, and Anthropic's.
function plainTool(tool: unknown): PlainTool {
  if (!isRecord(tool)) throw unreadable()
  const { function: definition, type = 'custom' } = tool
  if (type === 'function' && isRecord(definition)) {
    checkMembers(tool, ['type', 'function'])
    checkMembers(definition, ['name', 'description', 'parameters', 'strict'])
    return toolOf(definition.name, definition.description, definition.parameters)
  }
  if (type !== 'custom' || !('input_schema' in tool)) throw unreadable()
  checkMembers(tool, ['type', 'name', 'description', 'input_schema', 'cache_control', 'strict', 'eager_input_streaming'])
  return toolOf(tool.name, tool.description, tool.input_schema)
}

function toolOf(name: unknown, description: unknown, schema: unknown): PlainTool {
  if (typeof name !== 'string' || (description !== undefined && typeof description !== 'string')) throw unreadable()
  return { name, ...(description !== undefined && { description }), ...(isRecord(schema) && { schema }) }
}

function vendorTool(tool: unknown, own: PlainTool | undefined): unknown {
  if (!isRecord(tool) || own === undefined) throw unreadable()
  const { name, description, schema } = own
  const said = { name, ...(description !== undefined && { description }) }
  if (isRecord(tool.function)) {
    const { strict } = tool.function
    return { type: 'function', function: { ...said, ...(schema && { parameters: schema }), ...(strict !== undefined && { strict }) } }
  }
  const { cache_control: cached, strict, type, eager_input_streaming: eager } = tool
  return {
    ...(type !== undefined && { type }),
    ...said,
    input_schema: schema ?? {},
    ...(isRecord(cached) && { cache_control: { type: 'ephemeral', ...(cached.ttl === '1h' && { ttl: '1h' }) } }),
    ...(typeof strict === 'boolean' && { strict }),
    ...(typeof eager === 'boolean' && { eager_input_streaming: eager }),
  }
}

function checkMembers(value: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  for (const name of Object.keys(value)) if (!names.includes(name) && value[name] !== undefined) throw unreadable()
}

function unreadable(): GuardError {
  return new GuardError('payload_unsupported', { reason: 'a tool in another form than bindTools() makes, or one that runs at the vendor' })
}
