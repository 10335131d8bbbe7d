/**
 * The header field that carries a call's handle from `through` to the guarded `fetch`, inside this process. It never
 * reaches a wire, and is taken off whatever comes from one.
 */
export const callHandleField = 'x-sallyport-call'

/** Fields that are not handed on with a body that was built anew: they describe its bytes as they came, and the handle. */
export const rebuiltFields: readonly string[] = [
  callHandleField,
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'digest',
  'expect',
  'repr-digest',
  'transfer-encoding',
]
