import { detectors, type KeyProvider, localKeys, loadSurrogates, type MaskMode, masker } from '../../../src/index.ts'

/** Bytes that count up. */
export const sequence = (length: number, from = 0): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, index) => index + from)

/** Whom everything is sealed for. */
export const acme = { tenant: 'acme', field: '/ñ/文' } as const

/** Less than a chunk, and more than one. */
export const small: Uint8Array<ArrayBuffer> = sequence(300)
export const large: Uint8Array<ArrayBuffer> = sequence(17_000)

/** A value with what JSON writers could write otherwise. */
export const value = { said: 'größe 𝕏 \u2028', numbers: [0.1, 1e21, -1.5e-7, 9007199254740991], nothing: null, nested: { b: [], a: {} } } as const

/** The keyring that wraps the data keys. */
export function keyring(): KeyProvider {
  return localKeys({ primary: 'k2', keys: { k1: sequence(32, 1), k2: sequence(32, 99) } })
}

const texts = [
  'Write to ada.lovelace@example.org or call +44 20 7946 0958.',
  'Karte 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, aus München 🏔.',
  'From 192.0.2.7 and 2001:db8::8a2e:370:7334, with AKIAIOSFODNN7EXAMPLE',
  'ａｄａ＠example.org, ada\u200b@example.org and 𝐚𝐝𝐚@example.org',
]

/** The texts as every mode that does not draw at random masks them. */
export async function maskAll(): Promise<readonly string[]> {
  await loadSurrogates()
  const modes: readonly MaskMode[] = ['redact', 'partial', 'hash', 'pseudonym', 'surrogate']
  return modes.flatMap((mode) => {
    const own = masker({ detect: detectors.all, mode, key: sequence(32, 7), scope: 'exchange' })
    return texts.map((text) => own.mask(text))
  })
}
