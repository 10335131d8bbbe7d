// No backslash, which some readers take for a slash, no space, no control character, nothing outside ASCII.
const visible = /^[\x21-\x5b\x5d-\x7e]+$/
const form = /^(https?):\/\/([^/]+)(\/.*)?$/i
// No userinfo, and no percent sign, which no host name needs.
const authority = /^([a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?$/
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' }

/**
 * What a proof names as its target, in the one spelling in which two are compared (RFC 9449, section 4.3): without query
 * and fragment, and normalised by syntax and scheme as RFC 3986 has it in sections 6.2.2 and 6.2.3. That is: scheme and
 * host in lower case; no default and no empty port; percent-encoded unreserved characters decoded and the hexadecimal
 * digits of all others in upper case; dot segments resolved; `/` for an empty path. Nothing else is decoded, encoded, or
 * guessed. Undefined for what is no such address: another scheme, a userinfo, a broken percent-encoding, a character that
 * no URI has.
 */
export function proofTarget(url: string): string | undefined {
  const end = url.search(/[?#]/)
  const text = end === -1 ? url : url.slice(0, end)
  const [, scheme = '', host = '', path = '/'] = (visible.test(text) && form.exec(text)) || []
  const [, name, port = ''] = authority.exec(host.toLowerCase()) ?? []
  const normal = normalPath(path)
  if (name === undefined || normal === undefined) return undefined
  const lower = scheme.toLowerCase()
  return `${lower}://${name}${port === '' || port === defaultPorts[lower] ? '' : `:${port}`}${normal}`
}

function normalPath(path: string): string | undefined {
  const encoded = path.includes('%') ? normalPercents(path) : path
  return encoded?.includes('/.') === true ? withoutDots(encoded) : encoded
}

// RFC 3986, sections 6.2.2.1 and 6.2.2.2.
function normalPercents(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  return path.replaceAll(/%../g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase()
  })
}

// RFC 3986, section 5.2.4, for a path that begins with a slash.
function withoutDots(path: string): string {
  const segments: string[] = []
  for (const segment of path.slice(1).split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '.') segments.push(segment)
  }
  if (/\/\.\.?$/.test(path)) segments.push('')
  return `/${segments.join('/')}`
}
