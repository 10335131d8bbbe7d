/** A media type without its parameters, and what its parameters say of the characters. */
export interface MediaType {
  /** Type and subtype in lower case. */
  readonly essence: string
  /** Whether every `charset` parameter says UTF-8; true where there is none. */
  readonly utf8: boolean
}

/** Reads a `Content-Type` field (RFC 9110, section 8.3.1). What is no media type comes back as an essence that nobody knows. */
export function mediaTypeOf(field: string | null): MediaType {
  const [first = '', ...parameters] = (field ?? '').split(';')
  let utf8 = true
  for (const parameter of parameters) {
    const at = parameter.indexOf('=')
    if (parameter.slice(0, at).trim().toLowerCase() !== 'charset') continue
    const value = parameter
      .slice(at + 1)
      .trim()
      .toLowerCase()
    if (value !== 'utf-8' && value !== '"utf-8"' && value !== 'utf8') utf8 = false
  }
  return { essence: first.trim().toLowerCase(), utf8 }
}
