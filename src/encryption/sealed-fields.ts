import type { Json } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { type FieldPointer, mapFields } from './field-pointer.ts'
import type { SealContext } from './seal-context.ts'
import type { Sealer } from './sealer.ts'
import { fromSealedText, isSealedText, toSealedText } from './sealed-text.ts'

/** How fields are bound and checked. */
export interface FieldRules {
  readonly context: SealContext
  /** Whether each is bound to its place in its list or object, and not to the pointer with its `*` alone. */
  readonly inPlace: boolean
  /** Sealing: whether every pointer must point to something. Opening: whether a field that is not sealed is refused; else it is left as it is. */
  readonly strict: boolean
}

/**
 * Seals fields of a JSON value: each becomes a text, bound to the context and to where it stands.
 *
 * @throws GuardError `payload_unsupported` where nothing stands at a pointer: what should be sealed may stand somewhere else.
 */
export async function sealFields(
  value: Json,
  pointers: readonly FieldPointer[],
  box: Sealer,
  { context, inPlace, strict }: FieldRules,
): Promise<Json> {
  let sealed = value
  for (const pointer of pointers) {
    const mapped = await mapFields(sealed, pointer, async (field, place) =>
      toSealedText(await known(box.seal(field, { ...context, field: inPlace ? place : pointer.text }))),
    )
    if (strict && mapped.places === 0)
      throw new GuardError('payload_unsupported', { reason: `there is nothing at ${pointer.text}, which should be sealed` })
    sealed = mapped.value
  }
  return sealed
}

/** Opens the fields of a JSON value that were sealed so. @throws GuardError `decryption_failed` for what cannot be opened. */
export async function openFields(
  value: Json,
  pointers: readonly FieldPointer[],
  box: Sealer,
  { context, inPlace, strict }: FieldRules,
): Promise<Json> {
  let opened = value
  // The other way round, so that of two pointers of which one points into the other both are undone.
  for (const pointer of [...pointers].reverse()) {
    const mapped = await mapFields(opened, pointer, async (field, place) => {
      if (isSealedText(field)) return (await known(box.open(fromSealedText(field), { ...context, field: inPlace ? place : pointer.text }))) as Json
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
