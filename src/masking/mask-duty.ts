import type { Obligation } from '../guard/context.ts'
import type { Modes } from './modes.ts'

/** Where masking happens. */
export type MaskDirection = 'request' | 'response' | 'both'

/** Where pseudonyms are restored only if policy says so. */
export interface Restorable {
  /** In ordinary text, where that is for policy to say as well. */
  readonly text: boolean
  /** In the arguments of tool calls. */
  readonly arguments: boolean
  /** In addresses: texts that are one, and URLs within a text. */
  readonly url: boolean
}

const never: Restorable = Object.freeze({ text: false, arguments: false, url: false })

/**
 * What the obligations of type `mask` ask for:
 *
 * - `types`: what must be masked, as `EMAIL`; whatever the control detects, unless given
 * - `direction`: `request` unless given
 * - `mode`: how
 * - `restore`: where pseudonyms may be restored: `arguments`, `url`, and `text` where policy says that too
 *
 * `met` is false where one asks for anything else, or for more than the control does.
 */
export function maskDuty(
  obligations: readonly Obligation[],
  does: { readonly types: readonly string[]; readonly direction: MaskDirection; readonly modes: Modes },
): { readonly met: boolean; readonly restorable: Restorable } {
  const duties = obligations.filter(({ type }) => type === 'mask')
  if (duties.length === 0) return { met: false, restorable: never }
  let restorable: Restorable = { text: true, arguments: true, url: true }
  for (const { type: _, types, direction = 'request', mode, restore, ...others } of duties) {
    const wanted = types === undefined ? [] : textsIn(types)
    const places = restore === undefined ? [] : textsIn(restore)
    if (Object.keys(others).length > 0 || wanted === undefined || places === undefined) return { met: false, restorable: never }
    if (!wanted.every((type) => does.types.includes(type))) return { met: false, restorable: never }
    const concerned = types === undefined ? does.types : wanted
    if (mode !== undefined && !concerned.every((type) => does.modes.allFor(type).every((own) => own === mode)))
      return { met: false, restorable: never }
    if (!places.every((place) => place === 'text' || place === 'arguments' || place === 'url')) return { met: false, restorable: never }
    if (does.direction !== 'both' && does.direction !== direction) return { met: false, restorable: never }
    if (direction !== 'request' && direction !== 'response' && direction !== 'both') return { met: false, restorable: never }
    // Of several the strictest.
    restorable = {
      text: restorable.text && places.includes('text'),
      arguments: restorable.arguments && places.includes('arguments'),
      url: restorable.url && places.includes('url'),
    }
  }
  return { met: true, restorable }
}

function textsIn(value: Obligation[string]): readonly string[] | undefined {
  const list: unknown = Array.isArray(value) ? value : [value]
  return Array.isArray(list) && list.every((entry): entry is string => typeof entry === 'string') ? list : undefined
}
