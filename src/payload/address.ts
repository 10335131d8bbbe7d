import { textIn } from './shape.ts'
import type { Shape, Walk } from './walk.ts'

const http = /^https?:\/\//i

/** An address of the web. Also after a replacement: it must not become a reference or data. */
export const link: Shape = (value, walk) => {
  const url = textIn(value, walk)
  if (!http.test(url)) throw walk.unsupported('an address that is not http')
  return visited(url, walk)
}

/** An address of a picture, or the picture in the address itself: data is no text that a control could read, whatever its media type says. */
export const address: Shape = (value, walk) => {
  const url = textIn(value, walk)
  if (http.test(url)) return visited(url, walk)
  if (!/^data:/i.test(url)) throw walk.unsupported('an address that is neither http nor data')
  walk.opaque()
  return url
}

/** Content that is no text: bytes in base64, or in an address of their own. */
export const data: Shape = (value, walk) => {
  const encoded = textIn(value, walk)
  // Some vendors fetch an address that stands in the place of data.
  if (http.test(encoded)) return visited(encoded, walk)
  if (!/^(?:data:|[A-Za-z0-9+/_=-]*$)/i.test(encoded)) throw walk.unsupported('data that is not base64')
  walk.opaque()
  return encoded
}

/** A media type, or a range of them (RFC 9110, section 12.5.1). */
export const mediaType: Shape = (value, walk) => {
  const type = textIn(value, walk)
  if (!/^[\w.+-]{1,127}\/[\w.+*-]{1,127}(?:; ?[\w-]{1,32}="?[\w.,+-]{1,64}"?){0,4}$/.test(type)) throw walk.invalid('no media type')
  walk.fixed(type)
  return type
}

/** Bytes of the vendor's own that only it can read, such as a signature or encrypted reasoning: they come back as they were given. */
export const sealedByVendor: Shape = (value, walk) => {
  const encoded = textIn(value, walk)
  if (!/^[A-Za-z0-9+/_=.:-]*$/.test(encoded)) throw walk.unsupported('what is not base64')
  walk.fixed(encoded)
  return encoded
}

function visited(url: string, walk: Walk): string {
  const after = walk.text(url, 'url')
  if (after !== url && !http.test(after)) throw walk.invalid('an address that is none any more')
  return after
}
