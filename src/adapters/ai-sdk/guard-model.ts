import { checkNames } from '../../guard/check-options.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import type { Operation } from '../../guard/operation.ts'
import type { Unprotected } from '../../guard/order.ts'
import { aiSdkModel } from '../../payload/ai-sdk-model.ts'
import type { ModelCall } from '../../payload/ai-sdk-request.ts'
import { CallHandles } from '../fetch/call-handles.ts'
import { Retries } from '../fetch/retries.ts'
import { ModelExchange } from './model-exchange.ts'

/** Options of `guardModel`. */
export interface GuardModelOptions {
  /** What a call does; `chat` with the model by its id unless given. A function gets the engine's own copy of the call. */
  readonly operation?: Omit<Operation<ModelCall>, 'codec'>
  /** Who the caller is, for a call without `through`. Called once a call, at its beginning. Must not wait. */
  readonly credentials?: () => Credentials | undefined
}

/** A language model of the AI SDK, as far as it is the same in all versions. */
export interface NamedModel {
  /** By which its provider knows it. */
  readonly modelId: string
}

/** What the AI SDK hands a middleware that wraps a whole answer. `R` is the result of the version in use. */
export interface WrappedGenerate<R> {
  /** Calls the model as it was called. Never used: it would go around the controls. */
  readonly doGenerate: () => PromiseLike<R>
  /** What the model is called with. */
  readonly params: object
  /** The model behind the middleware. */
  readonly model: NamedModel & Readonly<Record<'doGenerate', (options: never) => PromiseLike<unknown>>>
}

/** What the AI SDK hands a middleware that wraps a streamed answer. */
export interface WrappedStream<R> {
  /** Calls the model as it was called. Never used: it would go around the controls. */
  readonly doStream: () => PromiseLike<R>
  /** What the model is called with. */
  readonly params: object
  /** The model behind the middleware. */
  readonly model: NamedModel & Readonly<Record<'doStream', (options: never) => PromiseLike<{ readonly stream: ReadableStream<unknown> }>>>
}

/** A middleware for language models of the AI SDK, in versions 2, 3 and 4 of its specification. */
export interface GuardedModel {
  /** For AI SDK 6 and 7, which take this one alike. */
  readonly specificationVersion: 'v3'
  /** For AI SDK 5. */
  readonly middlewareVersion: 'v2'
  /** Whole answers. */
  readonly wrapGenerate: <R>(options: WrappedGenerate<R>) => Promise<R>
  /** Streamed answers. */
  readonly wrapStream: <R>(options: WrappedStream<R>) => Promise<R>
  /**
   * Options of a provider that carry a call's authority into one call of the model: an unguessable handle that is valid in
   * this process while the call lasts, and is taken off before any provider sees it.
   */
  through(call: Call): { sallyport: { call: string } }
}

/**
 * A middleware that puts the controls of a guard around a language model of the AI SDK. The same object serves `wrapLanguageModel`
 * of AI SDK 5, 6 and 7. Give it as the first of several middlewares: what others change before it is not seen, what they change
 * behind it is not covered.
 *
 * A call is read by the codec `aiSdkModel`, rewritten by the controls and given to the model as the controls left it; the answer
 * comes back through them, whole or part by part. A refusal is thrown as a `GuardError`, which the SDK does not try again; in
 * mid-stream it is a part of type `error`, after which the stream ends. What the model throws is rethrown unchanged. The SDK's own
 * retry is a new call; where it acts for the same call (`through`) it has no request of its own in the limits, at most twice.
 * Around an answer are lost `request`, and all of `response` but `id` and `modelId`: no control reads them.
 *
 * ```ts
 * const guarded = guardModel(base, { credentials: () => ({ authorization: `Bearer ${token}` }) })
 * const model = wrapLanguageModel({ model: openai('gpt-5'), middleware: guarded })
 * await generateText({ model, prompt, providerOptions: guarded.through(call) })
 * ```
 *
 * @throws TypeError for an incomplete chain or a wrong option.
 */
export function guardModel<C extends Call>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  options: GuardModelOptions = {},
): GuardedModel {
  checkNames('guardModel', options, ['operation', 'credentials'])
  const { operation = chat, credentials } = options
  if (credentials !== undefined && typeof credentials !== 'function') throw new TypeError('options.credentials: must be a function')
  if (typeof operation !== 'object' || operation === null || 'codec' in operation)
    throw new TypeError('options.operation: must be an object with action and resource, and no codec')
  const handles = new CallHandles()
  const settings = {
    ...mediator(guard, { ...operation, codec: aiSdkModel } as Operation<never>, 'value'),
    credentials,
    handles,
    retries: new Retries(),
  }
  return Object.freeze<GuardedModel>({
    specificationVersion: 'v3',
    middlewareVersion: 'v2',
    // What comes back is the engine's copy of what the model gave: of the same shape, or it was refused.
    wrapGenerate: <R>({ params, model }: WrappedGenerate<R>) =>
      new ModelExchange(settings, params, model.modelId).generate((call) => model.doGenerate(call as never)) as Promise<R>,
    wrapStream: <R>({ params, model }: WrappedStream<R>) =>
      new ModelExchange(settings, params, model.modelId).stream((call) => model.doStream(call as never)) as Promise<R>,
    through: (call) => ({ sallyport: { call: handles.of(call) } }),
  })
}

const chat: Omit<Operation<ModelCall>, 'codec'> = {
  action: 'chat',
  resource: ({ model }) => ({ type: 'model', id: model ?? '' }),
}
