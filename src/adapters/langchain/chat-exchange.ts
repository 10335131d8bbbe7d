import type { CallOptions } from '../../guard/call-options.ts'
import type { Chain } from '../../guard/chain.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'
import { mediate } from '../../guard/mediate.ts'
import type { Planned } from '../../guard/operation.ts'
import { langchainMessages } from '../../payload/langchain-messages.ts'
import { isRecord } from '../../payload/shape.ts'
import { type Authority, authorityFrom, foreignHandle } from '../fetch/authority.ts'
import { givenOptions, type PlainTool, takeOptions, type TakenOptions } from './call-options.ts'
import { type Chunk, ChunkMaker, givenMessages, type Result, resultOf, wholeOf } from './chat-messages.ts'

/** What every call of a guarded chat model needs. */
export interface ChatSettings {
  readonly chain: Chain
  readonly plan: Planned
  readonly credentials: (() => Credentials | undefined) | undefined
  callOf(token: object): Call | undefined
}

type Members = Readonly<Record<string, unknown>>

/** One call of a chat model, through the guard and back. */
export class ChatExchange {
  readonly #settings: ChatSettings
  readonly #messages: readonly unknown[]
  readonly #options: Members
  readonly #taken: TakenOptions | GuardError
  /** The engine's copy of what is asked, or what refuses it. */
  readonly #value: unknown
  #ran = false

  constructor(settings: ChatSettings, name: string | undefined, messages: unknown, options: unknown, stream: boolean) {
    this.#settings = settings
    this.#messages = Array.isArray(messages) ? [...messages] : []
    this.#options = isRecord(options) ? { ...options } : {}
    this.#taken = taken(this.#options)
    const { tools = [], told = {} } = this.#taken instanceof GuardError ? {} : this.#taken
    this.#value = snapshot({ ...(name !== undefined && { model: name }), stream, tools, options: told, messages: this.#messages })
  }

  async generate(run: (messages: unknown, options: unknown) => Promise<unknown>): Promise<Result> {
    let given: unknown
    const answer = await this.#mediate(async (messages, options) => {
      given = await run(messages, options)
      return wholeOf(given)
    })
    return resultOf(given, answer)
  }

  async *stream(run: (messages: unknown, options: unknown) => AsyncIterable<unknown>, runManager: unknown): AsyncGenerator<Chunk> {
    const maker = new ChunkMaker()
    const parts = (await this.#mediate((messages, options) => maker.read(run(messages, options)))) as AsyncIterable<unknown>
    try {
      for await (const part of parts) {
        const chunk = maker.make(part)
        await announce(runManager, chunk)
        yield chunk
      }
    } catch (error) {
      throw this.#reason(error)
    }
  }

  async #mediate(run: (messages: unknown, options: unknown) => unknown): Promise<unknown> {
    const { options, refusal } = this.#authority()
    const failure = refusal ?? (this.#taken instanceof GuardError ? this.#taken : undefined)
    try {
      return await this.#through(options, failure, run)
    } catch (error) {
      if (this.#ran || isGuardError(error) || !(error instanceof TypeError)) throw this.#reason(error)
      // The engine takes no call that has ended. Once more without one, so that the refusal is recorded.
      return await this.#through({}, foreignHandle(), run)
    }
  }

  #authority(): Authority {
    const token = this.#taken instanceof GuardError ? undefined : this.#taken.token
    const { credentials, callOf } = this.#settings
    if (token === undefined) return authorityFrom(credentials)
    const call = typeof token === 'object' && token !== null ? callOf(token) : undefined
    return call === undefined ? { options: {}, refusal: foreignHandle() } : { options: { onBehalfOf: call } }
  }

  #through(options: CallOptions, refusal: unknown, run: (messages: unknown, options: unknown) => unknown): Promise<unknown> {
    const { chain, plan } = this.#settings
    const source = refusal === undefined ? { value: this.#value } : { arrive: () => rethrow(refusal), parse: () => undefined }
    const signal = this.#signal
    return mediate(chain, plan, source, { ...options, ...(signal && { signal }) }, (input, call) => {
      this.#ran = true
      const { messages, tools, options: told } = input as { messages: readonly Members[]; tools?: readonly PlainTool[]; options?: Members }
      return run(givenMessages(this.#messages, messages), givenOptions(this.#options, tools ?? [], told ?? {}, call.signal))
    })
  }

  get #signal(): AbortSignal | undefined {
    return this.#taken instanceof GuardError ? undefined : this.#taken.signal
  }

  // Whoever gave up is told what it gave up with, as without a guard.
  #reason(error: unknown): unknown {
    const signal = this.#signal
    return signal?.aborted === true && isGuardError(error) && error.code === 'aborted' ? signal.reason : error
  }
}

// As the engine makes it, so that nothing changes later; what it refuses the engine refuses itself, and records.
function snapshot(request: unknown): unknown {
  try {
    return langchainMessages.snapshot(request)
  } catch {
    return request
  }
}

function taken(options: Members): TakenOptions | GuardError {
  try {
    return takeOptions(options)
  } catch (error) {
    return isGuardError(error) ? error : new GuardError('payload_invalid', { reason: 'call options that cannot be read', cause: error })
  }
}

function rethrow(error: unknown): never {
  throw error
}

// As models tell it themselves, of chunks that were guarded.
async function announce(runManager: unknown, chunk: Chunk): Promise<void> {
  if (typeof runManager !== 'object' || runManager === null || !('handleLLMNewToken' in runManager)) return
  const { handleLLMNewToken: tell } = runManager
  if (typeof tell === 'function')
    await Reflect.apply(tell, runManager, [chunk.text, { prompt: 0, completion: 0 }, undefined, undefined, undefined, { chunk }])
}
