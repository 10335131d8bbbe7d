import type { Call } from '../../guard/context.ts'

/**
 * Handles of calls: 128 random bits that stand for a call within one process, so that a call's authority can pass through an
 * SDK that hands on nothing but header fields. A handle holds its call weakly, and says nothing of whether it still lives.
 */
export class CallHandles {
  readonly #calls = new Map<string, WeakRef<Call>>()
  readonly #handles = new WeakMap<Call, string>()
  readonly #forget = new FinalizationRegistry<string>((handle) => this.#calls.delete(handle))

  /** The handle of this call; always the same one. */
  of(call: Call): string {
    const before = this.#handles.get(call)
    if (before !== undefined) return before
    let handle = ''
    for (const byte of crypto.getRandomValues(new Uint8Array(16))) handle += byte.toString(16).padStart(2, '0')
    this.#handles.set(call, handle)
    this.#calls.set(handle, new WeakRef(call))
    this.#forget.register(call, handle)
    return handle
  }

  /** The call that a handle stands for. */
  find(handle: string): Call | undefined {
    return this.#calls.get(handle)?.deref()
  }
}
