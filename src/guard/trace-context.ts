/** Where a request stands in a distributed trace (W3C Trace Context, section 3.2). Stated by the sender: never a reason to allow. */
export interface TraceContext {
  /** The trace's id: 32 hexadecimal digits. */
  readonly id: string
  /** The sender's span: 16 hexadecimal digits. */
  readonly parent: string
  /** Whether the sender may have recorded its span. */
  readonly sampled: boolean
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const nothing = /^0+$/
/** Far more than any version of the field needs. */
const maxLength = 512

/**
 * Reads a `traceparent` field (W3C Trace Context, section 3.2.2), strictly. `undefined` for what is none, which the
 * specification wants to be passed over: a wrong one refuses no call.
 */
export function parseTraceparent(field: string | null | undefined): TraceContext | undefined {
  if (typeof field !== 'string' || field.length > maxLength) return undefined
  const [, version, id, parent, flags, more] = form.exec(field) ?? []
  if (version === undefined || id === undefined || parent === undefined || flags === undefined) return undefined
  // Version 0 has exactly these members; later ones may have more of them.
  if (version === 'ff' || (version === '00' && more !== undefined) || nothing.test(id) || nothing.test(parent)) return undefined
  return Object.freeze({ id, parent, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}
