import type { CallOptions } from '../../guard/call-options.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import type { Arrival } from '../../guard/control.ts'
import { GuardError, isGuardError, toProblem } from '../../guard/errors.ts'
import { mediate } from '../../guard/mediate.ts'
import { answerResponse, discard, refusalResponse } from '../web/answer-response.ts'
import { callHandleField, rebuiltFields } from '../web/answer-fields.ts'
import { EventParts, receiveAnswer, type ReceivedAnswer } from '../web/received-answer.ts'
import { parseArrival, RequestBody } from '../web/request-body.ts'
import type { WireMediator } from '../web/server-options.ts'
import { authorityOf, foreignHandle } from './authority.ts'
import type { CallHandles } from './call-handles.ts'
import type { Route, Routes } from './guard-fetch.ts'
import { isRetried, type Retries } from './retries.ts'

/** What a client hands its requests to. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Options of `guardFetch`, parsed and copied. */
export interface FetchSettings {
  readonly routes: Routes
  readonly send: Fetch
  readonly credentials: (() => Credentials | undefined) | undefined
  readonly handles: CallHandles
  readonly retries: Retries
  readonly maxBodyBytes: number
  readonly maxAnswerBytes: number
}

/** One request of a client, through the guard and back. */
export class Exchange {
  readonly #settings: FetchSettings
  readonly #init: RequestInit
  /** A copy, made at once: what the client changes afterwards changes nothing. */
  readonly #request: Request
  readonly #signal: AbortSignal | undefined
  readonly #handle: string | null
  readonly #route: Route | undefined
  readonly #mediator: WireMediator
  #received: ReceivedAnswer | undefined
  /** The body as the client sent it, once it was read. */
  #body: Uint8Array | undefined
  #isRetry = false
  #ran = false

  /** @throws TypeError as `fetch` does, for what is no request. */
  constructor(settings: FetchSettings, input: string | URL | Request, init: RequestInit = {}) {
    this.#settings = settings
    this.#init = { ...init }
    this.#request = new Request(input, { ...this.#init, signal: null })
    this.#signal = this.#init.signal ?? (input instanceof Request ? input.signal : undefined)
    this.#handle = this.#request.headers.get(callHandleField)
    const { known, unknown } = settings.routes
    const { method, url } = this.#request
    const { pathname } = new URL(url)
    this.#route = known.find((route) => route.matches(method, pathname))
    this.#mediator = this.#route?.mediator ?? unknown
  }

  /** @throws what the network throws, and the signal's reason where the client gave up. */
  async run(): Promise<Response> {
    const { handles, credentials } = this.#settings
    const { options, refusal } = authorityOf(this.#handle, handles, credentials)
    const unknown = this.#route === undefined ? new GuardError('payload_unsupported', { reason: 'an endpoint that is not known' }) : undefined
    try {
      return await this.#mediate(options, refusal ?? unknown)
    } catch (error) {
      if (this.#ran || isGuardError(error)) throw error
      // The engine takes no call that has ended. Once more without one, so that the refusal is recorded.
      return await this.#mediate({}, foreignHandle())
    }
  }

  async #mediate(options: CallOptions, refusal: GuardError | undefined): Promise<Response> {
    const { chain, plan, wire } = this.#mediator
    const { headers, body, url } = this.#request
    const { maxBodyBytes } = this.#settings
    const arriving = new RequestBody({ wire, opens: false, maxBodyBytes }, headers, body)
    const source = {
      arrive: () => {
        // Here, and not at once: the engine records what is refused here.
        if (refusal !== undefined) throw refusal
        return options.onBehalfOf === undefined ? arriving.read() : this.#arrive(arriving, options.onBehalfOf)
      },
      isRetry: () => this.#isRetry,
      parse: (arrival: Parameters<typeof parseArrival>[1]) => {
        const value = parseArrival(wire, arrival)
        const { pathname } = new URL(url)
        const route = this.#route
        if (route?.agrees(pathname, value) !== true)
          throw new GuardError('payload_unsupported', { reason: 'the path and the payload name different models' })
        return route.complete(pathname, value)
      },
    }
    const signal = this.#signal
    let answer: unknown
    try {
      answer = await mediate(chain, plan, source, { ...options, ...(signal && { signal }) }, (input, call) => this.#send(input, call))
      const { status = 200, headers: fields = new Headers(), answer: given } = this.#received ?? {}
      return await answerResponse(answer, given, { status, headers: fields }, wire, {
        isWhole: () => given instanceof EventParts && given.sawEnd,
        failure: (error) => this.#eventFor(error),
        reason: (error) => (this.#gaveUp(error) ? signal?.reason : error),
      })
    } catch (error) {
      discard(answer)
      if (this.#gaveUp(error)) throw signal?.reason
      if (!isGuardError(error)) throw error
      const response = refusalResponse(error, wire)
      response.headers.set('x-should-retry', 'false')
      return response
    } finally {
      arriving.cancel()
    }
  }

  async #arrive(arriving: RequestBody, call: Call): Promise<Arrival> {
    const arrival = await arriving.read()
    const { method, url } = this.#request
    this.#body = arrival.body
    this.#isRetry = await this.#settings.retries.take(call, { method, url, body: arrival.body })
    return arrival
  }

  // Only what acts for a call: for anything else nobody can tell who tries again.
  async #failed(): Promise<void> {
    const { retries, handles } = this.#settings
    const call = this.#handle === null ? undefined : handles.find(this.#handle)
    if (call === undefined || this.#body === undefined) return
    const { method, url } = this.#request
    await retries.failed(call, { method, url, body: this.#body })
  }

  async #send(input: unknown, call: Call): Promise<unknown> {
    this.#ran = true
    const { codec, wire, chain } = this.#mediator
    const { send, maxAnswerBytes } = this.#settings
    const { url, method } = this.#request
    const { signal } = call
    const headers = new Headers(this.#request.headers)
    for (const name of rebuiltFields) headers.delete(name)
    headers.set('content-type', wire.mediaTypes[0] ?? 'application/octet-stream')
    let response: Response
    try {
      response = await send(url, { ...this.#init, method, headers, body: wire.serialize(input), signal, redirect: 'manual' })
    } catch (error) {
      if (!signal.aborted) await this.#failed()
      throw error
    }
    if (isRetried(response)) await this.#failed()
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      response.body?.cancel().catch(() => {})
      throw new GuardError('payload_unsupported', { reason: 'the answer sends the request elsewhere' })
    }
    this.#received = await receiveAnswer(response, { codec, wire, clock: chain.clock, maxAnswerBytes, isForeign: true, signal })
    return this.#received.answer
  }

  // What the network throws in mid-stream breaks the body off, as it would without a guard.
  #eventFor(error: unknown): string | undefined {
    if (!isGuardError(error) || this.#gaveUp(error)) return undefined
    const { code, title } = toProblem(error)
    return this.#mediator.wire.errorEvent(code, title)
  }

  #gaveUp(error: unknown): boolean {
    return this.#signal?.aborted === true && isGuardError(error) && error.code === 'aborted'
  }
}
