// What comes in during a soak: who asks, how often, and what must become of it.
import type { TestIssuer } from '../../../dist/testing/index.js'
import { bodies, isAnswer, isStream } from './questions.ts'

export interface Kind {
  readonly name: 'json' | 'stream' | 'denied' | 'limited' | 'unknown'
  /** Calls a second, in parts of a hundred. */
  readonly share: number
  readonly body: string
  authorization(): string
  check(status: number, body: string): boolean
}

export interface Callers {
  readonly kinds: readonly Kind[]
  /** A token of the next caller. */
  next(): string
  close(): void
}

const callers = 400
const guests = 20
const lifetime = 600
/** A caller has a new token so often: after a quarter of an hour there were more than are remembered. Both in seconds. */
const renewedEach = 30

/** 400 callers and 20 whom policy denies, with tokens that are renewed, one who asks too often, and tokens that are none. */
export async function startCallers(issuer: TestIssuer): Promise<Callers> {
  const mint = (sub: string, role = 'analyst', expiresIn = lifetime): Promise<string> => issuer.mint({ sub, roles: [role] }, { expiresIn })
  const tokens: string[] = await Promise.all(Array.from({ length: callers }, (_, index) => mint(`user-${index}`)))
  const special = { busy: await mint('busy-bot'), expired: await mint('ada', 'analyst', -60) }
  const denied: string[] = await Promise.all(Array.from({ length: guests }, (_, index) => mint(`guest-${index}`, 'guest')))
  let renewed = 0
  const renewal = setInterval(
    async () => {
      const index = renewed++ % callers
      tokens[index] = await mint(`user-${index}`)
      if (index < guests) denied[index] = await mint(`guest-${index}`, 'guest')
      if (index === guests) special.busy = await mint('busy-bot')
    },
    (renewedEach * 1000) / callers,
  )
  let asked = 0
  let refused = 0
  const next = (): string => `Bearer ${tokens[asked++ % callers]}`
  let bad = 0
  // A signature of other bytes, one that has expired, one with a letter changed, and no token at all.
  const unknown = (): string => {
    const token = tokens[bad % callers] ?? ''
    const end = token.lastIndexOf('.') + 1
    const forged = [
      `${token.slice(0, end)}${Buffer.alloc(64, bad % 251).toString('base64url')}`,
      special.expired,
      `${token.slice(0, end - 8)}${token.at(end - 8) === 'A' ? 'B' : 'A'}${token.slice(end - 7)}`,
      'none',
    ]
    return `Bearer ${forged[bad++ % forged.length]}`
  }
  const is = (wanted: number) => (status: number) => status === wanted
  return {
    next,
    close: () => clearInterval(renewal),
    kinds: [
      { name: 'json', share: 60, body: bodies.json, authorization: next, check: (status, body) => status === 200 && isAnswer(body, true) },
      { name: 'stream', share: 20, body: bodies.slowStream, authorization: next, check: (status, body) => status === 200 && isStream(body, true) },
      { name: 'denied', share: 3, body: bodies.json, authorization: () => `Bearer ${denied[refused++ % guests]}`, check: is(403) },
      // More often than the limit lets through: both answers are right ones.
      {
        name: 'limited',
        share: 2,
        body: bodies.json,
        authorization: () => `Bearer ${special.busy}`,
        check: (status) => status === 429 || status === 200,
      },
      { name: 'unknown', share: 5, body: bodies.json, authorization: unknown, check: is(401) },
    ],
  }
}
