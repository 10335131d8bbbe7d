import type { Chain } from './chain.ts'
import type { Codec } from './codec.ts'
import type { Awaitable } from './context.ts'
import type { Arrival, SealAnswer, Step } from './control.ts'
import type { GuardError } from './errors.ts'
import type { Run } from './run.ts'

/** What controls see of a run: the same object in every phase of one call. */
export class RunStep implements Step {
  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
  }

  get clock(): Chain['clock'] {
    return this.#run.chain.clock
  }

  get codec(): Codec | undefined {
    return this.#run.plan.codec
  }

  get input(): unknown {
    return this.#run.input
  }

  get arrival(): Arrival | undefined {
    return this.#run.arrival
  }

  get isRetry(): boolean {
    return this.#run.isRetry
  }

  get streamed(): boolean {
    return this.#run.streamed
  }

  get fulfilled(): readonly string[] {
    return this.#run.fulfilled
  }

  ath(): Promise<string> | undefined {
    return this.#run.credential === undefined ? undefined : hashOf(this.#run.credential)
  }

  get approvals(): readonly string[] {
    return this.#run.approvals
  }

  get notes(): readonly string[] {
    return this.#run.notes
  }

  answerField(name: string, value: string): void {
    this.#run.fields[name] = value
  }

  get answerStatus(): number {
    return this.#run.status
  }

  open(arrival: Arrival, seal?: SealAnswer): void {
    this.#run.arrival = Object.freeze({ mediaType: arrival.mediaType, body: arrival.body })
    if (seal !== undefined) this.#run.sealWith(seal)
  }

  fulfill(type: string): void {
    this.#run.fulfilled.push(type)
  }

  beforeRun(task: () => Awaitable<void>): void {
    this.#run.tasks.push(task)
  }

  onDelivery(task: () => Awaitable<void>): void {
    this.#run.deliveries.push(task)
  }

  end(error: GuardError): void {
    this.#run.stop('refused', error)
  }
}

async function hashOf(secret: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret)))
  return btoa(String.fromCharCode(...hash))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
