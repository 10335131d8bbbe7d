import type { Awaitable } from '../guard/context.ts'
import type { DecisionGrounds } from '../guard/decision-grounds.ts'
import { isThenable } from '../guard/thenable.ts'
import type { KeyedDigest } from './keyed-digest.ts'
import { type RecordedAttributes, textToSeal, timeIn } from './recorded-attributes.ts'
import type { AttributeSealer } from './sealed-attributes.ts'

/** Makes what a record says of the attributes that policy read. */
export class AttributeRecorder {
  readonly #key: Uint8Array | undefined
  #sealer: AttributeSealer | undefined

  /** @param key 32 bytes; without one no value is kept. */
  constructor(key: Uint8Array | undefined) {
    this.#key = key
  }

  /** At once where nothing must be waited for. */
  record(id: string, grounds: DecisionGrounds | undefined, digest: KeyedDigest | undefined): Awaitable<RecordedAttributes | undefined> {
    if (grounds === undefined || grounds.paths.length === 0) return undefined
    const { paths } = grounds
    const values = grounds.values()
    const time = timeIn(grounds, values)
    const text = this.#key === undefined && digest === undefined ? undefined : textToSeal(grounds, values)
    if (text === undefined) return { digest: undefined, paths, sealed: undefined, time }
    const digested = digest?.digest(text)
    const sealed = this.#seal(id, text)
    if (!isThenable(digested) && !isThenable(sealed)) return { digest: digested, paths, sealed, time }
    return Promise.all([digested, sealed]).then((made) => ({ digest: made[0], paths, sealed: made[1], time }))
  }

  #seal(id: string, text: string): Awaitable<string | undefined> {
    const key = this.#key
    if (key === undefined) return undefined
    // Loaded by whoever seals: nobody else should have to.
    return this.#sealer?.seal(id, text) ?? this.#load(key).then((sealer) => sealer.seal(id, text))
  }

  async #load(key: Uint8Array): Promise<AttributeSealer> {
    const { attributeSealer } = await import('./sealed-attributes.ts')
    return (this.#sealer ??= attributeSealer(key))
  }
}
