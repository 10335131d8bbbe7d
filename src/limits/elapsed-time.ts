/**
 * Turns the times of a clock that may step into time that passes: a step back is no time, and from there it goes on. So a
 * clock that was set back neither gives anything back twice nor stops what should leak away. What returns from behind the
 * latest time of all counts from that time on, so that neither times out of order nor two clocks in turns make time run.
 */
export class ElapsedTime {
  #elapsed = 0
  #last = Number.NaN
  #latest = Number.NEGATIVE_INFINITY

  /** Milliseconds since the first time that was told. Without a time: as of the last one. */
  at(now: number | undefined): number {
    if (now === undefined) return this.#elapsed
    if (!Number.isFinite(now)) throw new TypeError('now: must be a finite number of milliseconds')
    if (now < this.#latest) this.#elapsed += Math.max(0, now - this.#last)
    else {
      if (this.#latest !== Number.NEGATIVE_INFINITY) this.#elapsed += now - this.#latest
      this.#latest = now
    }
    this.#last = now
    return this.#elapsed
  }
}
