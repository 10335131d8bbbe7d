import type { CallOptions } from '../../guard/call-options.ts'
import type { Credentials } from '../../guard/context.ts'
import { isGuardError } from '../../guard/errors.ts'
import type { Mediator } from '../../guard/guard.ts'
import { mediate } from '../../guard/mediate.ts'
import { aiSdkModel } from '../../payload/ai-sdk-model.ts'
import { type ModelCall, toModelCall } from '../../payload/ai-sdk-request.ts'
import { authorityOf, foreignHandle } from '../fetch/authority.ts'
import type { CallHandles } from '../fetch/call-handles.ts'
import type { Retries, Sent } from '../fetch/retries.ts'
import { isRecord } from '../../payload/shape.ts'
import { partStream } from './part-stream.ts'

/** What every call of a guarded model needs. */
export interface ModelSettings extends Mediator {
  readonly credentials: (() => Credentials | undefined) | undefined
  readonly handles: CallHandles
  readonly retries: Retries
}

/** One call of a language model, through the guard and back. */
export class ModelExchange {
  readonly #settings: ModelSettings
  readonly #params: Readonly<Record<string, unknown>>
  readonly #model: string
  readonly #signal: AbortSignal | undefined
  readonly #handle: string | null
  readonly #providerOptions: unknown
  #ran = false

  constructor(settings: ModelSettings, params: object, model: string) {
    this.#settings = settings
    // Its members once and at once: what the application changes afterwards changes nothing.
    this.#params = { ...params }
    this.#model = model
    const { abortSignal, providerOptions } = this.#params
    this.#signal = abortSignal instanceof AbortSignal ? abortSignal : undefined
    if (isRecord(providerOptions) && 'sallyport' in providerOptions) {
      const { sallyport, ...others } = providerOptions
      // Whatever else stands there is a handle of no call.
      this.#handle = isRecord(sallyport) && typeof sallyport.call === 'string' ? sallyport.call : ''
      this.#providerOptions = others
    } else {
      this.#handle = null
      this.#providerOptions = providerOptions
    }
  }

  async generate(run: (call: object) => PromiseLike<unknown>): Promise<unknown> {
    return this.#mediate(false, run)
  }

  async stream(run: (call: object) => PromiseLike<{ readonly stream: ReadableStream<unknown> }>): Promise<unknown> {
    const parts = await this.#mediate(true, async (call) => (await run(call)).stream)
    return { stream: partStream(parts as AsyncIterableIterator<unknown>, (error) => this.#reason(error)) }
  }

  async #mediate(streamed: boolean, run: (call: object) => PromiseLike<unknown>): Promise<unknown> {
    const { handles, credentials } = this.#settings
    const value = this.#snapshot(streamed)
    const { options, refusal } = authorityOf(this.#handle, handles, credentials)
    const sent = options.onBehalfOf === undefined ? undefined : sentBy(value)
    const isRetry = sent !== undefined && options.onBehalfOf !== undefined && (await this.#settings.retries.take(options.onBehalfOf, sent))
    const throughGuard = (call: CallOptions, failure: unknown): Promise<unknown> => this.#through(value, call, isRetry, failure, run, sent)
    try {
      return await throughGuard(options, refusal)
    } catch (error) {
      if (this.#ran || isGuardError(error) || !(error instanceof TypeError)) throw this.#reason(error)
      // The engine takes no call that has ended. Once more without one, so that the refusal is recorded.
      return await throughGuard({}, foreignHandle())
    }
  }

  #through(
    value: unknown,
    options: CallOptions,
    isRetry: boolean,
    refusal: unknown,
    run: (call: object) => PromiseLike<unknown>,
    sent: Sent | undefined,
  ): Promise<unknown> {
    const { chain, plan } = this.#settings
    const source = refusal === undefined ? { value, isRetry: () => isRetry } : { arrive: () => rethrow(refusal), parse: () => undefined }
    const signal = this.#signal
    return mediate(chain, plan, source, { ...options, ...(signal && { signal }) }, async (input, call) => {
      this.#ran = true
      const { headers } = this.#params
      try {
        return await run({ ...toModelCall(input as ModelCall), ...(headers !== undefined && { headers }), abortSignal: call.signal })
      } catch (error) {
        if (sent !== undefined && options.onBehalfOf !== undefined && !call.signal.aborted && isRetryable(error))
          await this.#settings.retries.failed(options.onBehalfOf, sent)
        throw error
      }
    })
  }

  // As the engine makes it, so that nothing changes while this waits; what it refuses the engine refuses itself, and records.
  #snapshot(streamed: boolean): unknown {
    const input = { ...this.#params, providerOptions: this.#providerOptions, model: this.#model, stream: streamed }
    if (this.#providerOptions === undefined) Reflect.deleteProperty(input, 'providerOptions')
    try {
      return aiSdkModel.snapshot(input)
    } catch {
      return input
    }
  }

  // Whoever gave up is told what it gave up with, as without a guard.
  #reason(error: unknown): unknown {
    return this.#signal?.aborted === true && isGuardError(error) && error.code === 'aborted' ? this.#signal.reason : error
  }
}

function sentBy(value: unknown): Sent | undefined {
  try {
    return { method: 'call', url: 'model', body: new TextEncoder().encode(aiSdkModel.wire?.serialize(value)) }
  } catch {
    return undefined
  }
}

function rethrow(error: unknown): never {
  throw error
}

// As the AI SDK's own errors say; what says nothing of itself, as a connection that broke, is tried again.
function isRetryable(error: unknown): boolean {
  return !(typeof error === 'object' && error !== null && 'isRetryable' in error && error.isRetryable === false)
}
