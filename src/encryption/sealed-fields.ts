import type { Json } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { type FieldPointer, mapFields } from './field-pointer.ts'
import type { SealContext } from './seal-context.ts'
import type { Sealer } from './sealer.ts'
import { fromSealedText, isSealedText, toSealedText } from './sealed-text.ts'

/**
 * Seals fields of a JSON value: each becomes a text, bound to the context and to its pointer.
 *
 * @param strict whether every pointer must point to something.
 * @throws GuardError `payload_unsupported` where one does not: what should be sealed may stand somewhere else.
 */
export async function sealFields(value: Json, pointers: readonly FieldPointer[], box: Sealer, context: SealContext, strict: boolean): Promise<Json> {
  let sealed = value
  for (const pointer of pointers) {
    const own = { ...context, field: pointer.text }
    const mapped = await mapFields(sealed, pointer, async (field) => toSealedText(await known(box.seal(field, own))))
    if (strict && mapped.places === 0)
      throw new GuardError('payload_unsupported', { reason: `there is nothing at ${pointer.text}, which should be sealed` })
    sealed = mapped.value
  }
  return sealed
}

/**
 * Opens the fields of a JSON value that were sealed so.
 *
 * @param strict whether a field that is not sealed is refused; else it is left as it is.
 * @throws GuardError `decryption_failed` for what cannot be opened.
 */
export async function openFields(value: Json, pointers: readonly FieldPointer[], box: Sealer, context: SealContext, strict: boolean): Promise<Json> {
  let opened = value
  // The other way round, so that of two pointers of which one points into the other both are undone.
  for (const pointer of [...pointers].reverse()) {
    const own = { ...context, field: pointer.text }
    const mapped = await mapFields(opened, pointer, async (field) => {
      if (isSealedText(field)) return (await known(box.open(fromSealedText(field), own))) as Json
      if (strict) throw new GuardError('decryption_failed', { reason: `what stands at ${pointer.text} is not sealed` })
      return field
    })
    opened = mapped.value
  }
  return opened
}

// A context is wrong only when a call has it: then it is the set-up that is wrong, and not the payload.
async function known<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (isGuardError(error)) throw error
    throw new GuardError('misconfigured', {
      reason: error instanceof TypeError ? error.message : 'the context of a field cannot be used',
      cause: error,
    })
  }
}
