import { GuardError } from '../guard/errors.ts'
import type { Detect } from '../masking/detector.ts'
import { TextMasker } from '../masking/masker.ts'
import { Masking } from '../masking/masking.ts'
import type { MaskMode } from '../masking/modes.ts'
import { PseudonymScope } from '../masking/pseudonym.ts'
import type { MaskReport } from './mask-report.ts'

/** How a text is masked. */
export interface TextOptions {
  readonly detect: Detect
  readonly mode: MaskMode
  readonly key?: Uint8Array
}

/** Masks a text that comes in pieces of UTF-8. @throws TypeError for a mode that needs a key. */
export function maskText(source: AsyncIterable<Uint8Array>, options: TextOptions): { readonly pieces: AsyncIterable<string>; report(): MaskReport } {
  const masking = new Masking({ ...options, hidden: 'strip' })
  // What is random for each value would be forgotten in a long text, and then be another.
  if (masking.hasPseudonyms && options.key === undefined) throw new TypeError("mode 'pseudonym' needs a key")
  const found = new Map<string, number>()
  const count = (type: string): void => void found.set(type, (found.get(type) ?? 0) + 1)
  const masker = new TextMasker(masking.input(new PseudonymScope('', masking.hash), 0, count))
  return { pieces: maskedPieces(source, masker), report: () => ({ found: Object.fromEntries(found) }) }
}

async function* maskedPieces(source: AsyncIterable<Uint8Array>, masker: TextMasker): AsyncGenerator<string, void, undefined> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? utf8.decode() : utf8.decode(bytes, { stream: true })
    } catch {
      throw new GuardError('payload_invalid', { reason: 'the bytes of the text are not UTF-8' })
    }
  }
  for await (const bytes of source) yield masker.push(decode(bytes))
  yield masker.push(decode()) + masker.end()
}
