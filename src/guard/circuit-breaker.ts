/** Failures in a row after which a store counts as down. */
const most = 3

/**
 * Keeps calls from all waiting for a store that does not answer: while it is down one of them at a time asks it, and what
 * becomes of the others is decided at once. So nothing needs a timer, and the first answer ends it.
 */
export class CircuitBreaker {
  #failures = 0
  #isTrying = false

  /** Whether to ask. Who may must say how it went. */
  admits(): boolean {
    if (this.#failures < most) return true
    if (this.#isTrying) return false
    this.#isTrying = true
    return true
  }

  succeeded(): void {
    this.#failures = 0
    this.#isTrying = false
  }

  failed(): void {
    this.#failures++
    this.#isTrying = false
  }
}
