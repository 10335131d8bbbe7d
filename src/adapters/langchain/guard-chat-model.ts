import { checkNames } from '../../guard/check-options.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import type { Operation } from '../../guard/operation.ts'
import type { Unprotected } from '../../guard/order.ts'
import { langchainMessages } from '../../payload/langchain-messages.ts'
import type { LangchainRequest } from '../../payload/langchain-request.ts'
import { ChatExchange, type ChatSettings } from './chat-exchange.ts'

/** Options of `guardChatModel`. */
export interface GuardChatModelOptions {
  /** What a call does; `chat` with the model by its name unless given. A function gets the engine's own copy of the request. */
  readonly operation?: Omit<Operation<LangchainRequest>, 'codec'>
  /** Who the caller is, for a call without `through`. Called once a call, at its beginning. Must not wait. */
  readonly credentials?: () => Credentials | undefined
}

/** What is needed of a chat model of LangChain: any `BaseChatModel`. */
export interface ChatModel {
  /** Answers whole. */
  _generate(messages: never, options: never, runManager?: never): Promise<unknown>
  /** Answers chunk by chunk. */
  _streamResponseChunks(messages: never, options: never, runManager?: never): AsyncIterable<unknown>
  /** What kind of model it is. */
  _llmType(): string
  /** The same model with options bound to it. */
  withConfig(config: never): unknown
}

/** Stands for a call within one process. It holds nothing, and a copy of it stands for nothing. */
export type CallToken = Readonly<Record<never, never>>

/** A chat model behind the controls of a guard. */
export type GuardedChatModel<M> = M & {
  /** Options of a call that carry another call's authority into it, while that one lasts. */
  through(call: Call): { sallyport: CallToken }
}

/**
 * A chat model of LangChain behind the controls of a guard. It stands on the model that it is given: it is an instance of the same
 * classes, `bindTools`, `withStructuredOutput` and `withConfig` give guarded models, and everything else is that model's own.
 *
 * Messages, tools and what else a call tells the model are read by the codec `langchainMessages`, rewritten by the controls, and the
 * answer goes back through them, whole or chunk by chunk. Callbacks are told of guarded chunks alone, so `streamMode: 'messages'` of
 * LangGraph shows nothing that a reader of the stream would not see. A refusal is thrown as a `GuardError`; what the model throws is
 * rethrown unchanged, after the retries that it makes by itself.
 *
 * A call option that is not known is refused, and so are tools in another form than `bindTools` makes, tools that run at a vendor, and
 * several answers at once. LangChain's cache is switched off: it would answer whoever asks, unasked.
 *
 * ```ts
 * const model = guardChatModel(base, new ChatOpenAI({ model: 'gpt-5' }), { credentials: () => ({ authorization: `Bearer ${token}` }) })
 * await model.invoke('hello', model.through(call))
 * ```
 *
 * @throws TypeError for an incomplete chain, what is no chat model, or a wrong option.
 */
export function guardChatModel<C extends Call, M extends ChatModel>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  model: M,
  options: GuardChatModelOptions = {},
): GuardedChatModel<M> {
  checkNames('guardChatModel', options, ['operation', 'credentials'])
  const { operation, credentials } = options
  if (credentials !== undefined && typeof credentials !== 'function') throw new TypeError('options.credentials: must be a function')
  if (operation !== undefined && (typeof operation !== 'object' || operation === null || 'codec' in operation))
    throw new TypeError('options.operation: must be an object with action and resource, and no codec')
  if (!isChatModel(model)) throw new TypeError('guardChatModel: give a chat model of LangChain')
  if (guardedModels.has(model)) throw new TypeError('guardChatModel: this model is guarded already')
  const calls = new WeakMap<object, Call>()
  const tokens = new WeakMap<Call, CallToken>()
  const own = operation ?? { action: 'chat', resource: { type: 'model', id: nameOf(model) ?? model._llmType() } }
  const { chain, plan } = mediator(guard, { ...own, codec: langchainMessages } as Operation<never>, 'value')
  const settings: ChatSettings = { chain, plan, credentials, callOf: (token) => calls.get(token) }
  const through = (call: Call): { sallyport: CallToken } => {
    const token = tokens.get(call) ?? Object.freeze({})
    tokens.set(call, token)
    calls.set(token, call)
    return { sallyport: token }
  }
  return guarded(model, settings, through)
}

type Through = (call: Call) => { sallyport: CallToken }

const guardedModels = new WeakSet<object>()

// Methods by which models reach their vendor around their two ways of answering.
const around = ['completionWithRetry', 'createStreamWithRetry', 'moderateContent'] as const

function guarded<M extends ChatModel>(model: M, settings: ChatSettings, through: Through): GuardedChatModel<M> {
  const name = nameOf(model)
  const self: object = Object.create(model)
  const define = (property: string, value: unknown): void => void Object.defineProperty(self, property, { value, writable: true, configurable: true })
  define('_generate', (messages: unknown, options: unknown) =>
    new ChatExchange(settings, name, messages, options, false).generate((own, told) => model._generate(own as never, told as never)),
  )
  // Where a model cannot stream, LangChain knows it by this method being its own.
  if (model._streamResponseChunks !== rootOf(model, '_streamResponseChunks')) {
    define('_streamResponseChunks', (messages: unknown, options: unknown, runManager: unknown) =>
      new ChatExchange(settings, name, messages, options, true).stream(
        (own, told) => model._streamResponseChunks(own as never, told as never),
        runManager,
      ),
    )
    // LangChain's own makes events of chunks; a vendor's would make them of what no control has seen.
    const events = rootOf(model, '_streamChatModelEvents')
    if (events !== undefined) define('_streamChatModelEvents', events)
  }
  for (const method of around) if (method in model) define(method, refuse)
  define('withConfig', (config: unknown) => {
    const made: unknown = Reflect.apply(model.withConfig, self, [config])
    if (isChatModel(made) && !guardedModels.has(made)) return guarded(made, settings, through)
    if (guardedModels.has(boundOf(made))) return made
    throw new TypeError('withConfig: this model makes of itself what the guard cannot follow')
  })
  define('cache', undefined)
  define('through', through)
  guardedModels.add(self)
  return self as GuardedChatModel<M>
}

function refuse(): never {
  throw new GuardError('payload_unsupported', { reason: 'a way to the vendor that no control covers' })
}

function isChatModel(value: unknown): value is ChatModel {
  if (typeof value !== 'object' || value === null) return false
  return ['_generate', '_streamResponseChunks', '_llmType', 'withConfig'].every((name) => typeof Reflect.get(value, name) === 'function')
}

function boundOf(made: unknown): object {
  const isHolder = typeof made === 'object' && made !== null
  if (isHolder && 'bound' in made && typeof made.bound === 'object' && made.bound !== null) return made.bound
  return isHolder ? made : {}
}

function nameOf(model: object): string | undefined {
  for (const member of ['model', 'modelName']) {
    const name: unknown = Reflect.get(model, member)
    if (typeof name === 'string' && name !== '') return name
  }
  return undefined
}

// The method of the class that all chat models have in common.
function rootOf(model: object, method: string): unknown {
  let found: unknown
  for (let at: object | null = model; at !== null; at = Object.getPrototypeOf(at) as object | null)
    if (Object.hasOwn(at, method)) found = Reflect.get(at, method)
  return found
}
