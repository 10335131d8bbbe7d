import type { Call, Resource, Settled } from './context.ts'

/** What a context begins with: all that the engine itself says of a call. */
type CallFacts = { readonly [name in keyof Required<Call>]: Call[name] }

type Growing = { -readonly [name in keyof Call]: Call[name] } & Record<string, unknown>

/**
 * What is established of a call by now. Of each state there is one frozen context, built from nothing in one order: spreading
 * a frozen object into a larger one costs ten times as much, and each call has half a dozen of them.
 */
export class GrowingContext {
  readonly #facts: CallFacts
  readonly #names: string[] = []
  readonly #values: unknown[] = []
  #action: string
  #resource: Resource
  #hidesCredentials = false

  constructor(facts: CallFacts) {
    this.#facts = facts
    this.#action = facts.action
    this.#resource = facts.resource
  }

  /** Says what is done to what, once the input could be read. */
  resolve(action: string, resource: Resource): void {
    this.#action = action
    this.#resource = resource
  }

  /** Adds what a control found out, or the input. */
  add(name: string, value: unknown): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  /** From now on credentials can no longer be read. */
  hideCredentials(): void {
    this.#hidesCredentials = true
  }

  /** The context as it is now. */
  frozen(): Settled {
    const { id, task, startedAt, guard, attributes, signal, parent, credentials, channel, trace } = this.#facts
    const context = { id, task, startedAt, guard, action: this.#action, resource: this.#resource, attributes, signal } as Growing
    if (parent !== undefined) context.parent = parent
    if (credentials !== undefined && !this.#hidesCredentials) context.credentials = credentials
    if (channel !== undefined) context.channel = channel
    if (trace !== undefined) context.trace = trace
    const names = this.#names
    for (let index = 0; index < names.length; index++) context[names[index] as string] = this.#values[index]
    return Object.freeze(context)
  }
}
