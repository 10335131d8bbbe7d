// autocannon, with what of it is used here.
import autocannon from 'autocannon'

export interface Answer {
  readonly status: number
  /** Milliseconds. */
  readonly time: number
}

export interface Drive {
  readonly url: string
  readonly connections: number
  /** Seconds; or how many calls in all. */
  readonly duration?: number
  readonly amount?: number
  /** Calls a second of each connection; as many as there can be unless given. */
  readonly rate?: number
  readonly body: string
  /** The credential of a call; made for each where there is a rate, else for each connection. */
  authorization(): string
  /** Whether an answer is as it must be. */
  check(status: number, body: string): boolean
  answered(answer: Answer): void
}

export interface Driven {
  /** Connections that failed and calls without an answer. */
  readonly errors: number
  readonly wrong: number
}

interface Instance extends Promise<{ errors: number }> {
  on(event: 'response', listener: (client: unknown, status: number, bytes: number, time: number) => void): void
  stop(): void
}

interface Client {
  setHeaders(headers: Readonly<Record<string, string>>): void
}

const cannon = autocannon as unknown as (options: object) => Instance

/** Drives load until its time is over, its calls are done, or it is told to stop. */
export async function drive(plan: Drive, stop?: AbortSignal): Promise<Driven> {
  const { connections, duration, amount, rate, body, check } = plan
  let wrong = 0
  const headers = () => ({ 'content-type': 'application/json', authorization: plan.authorization() })
  const onResponse = (status: number, text: string): void => {
    if (!check(status, text)) wrong++
  }
  const request = { method: 'POST', body, onResponse }
  const instance = cannon({
    url: `${plan.url}/v1/chat/completions`,
    connections,
    ...(amount === undefined ? { duration } : { amount }),
    ...(rate !== undefined && { connectionRate: rate }),
    timeout: 30,
    sampleInt: 1000,
    ...(rate === undefined
      ? { requests: [request], setupClient: (client: Client) => client.setHeaders(headers()) }
      : { requests: [{ ...request, setupRequest: (given: object) => ({ ...given, headers: headers() }) }] }),
  })
  instance.on('response', (_client, status, _bytes, time) => plan.answered({ status, time }))
  const halt = (): void => instance.stop()
  stop?.addEventListener('abort', halt)
  const { errors } = await instance
  stop?.removeEventListener('abort', halt)
  return { errors, wrong }
}
