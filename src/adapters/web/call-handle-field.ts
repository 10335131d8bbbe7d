/**
 * The header field that carries a call's handle from `through` to the guarded `fetch`, inside this process. It never
 * reaches a wire, and is taken off whatever comes from one.
 */
export const callHandleField = 'x-sallyport-call'
