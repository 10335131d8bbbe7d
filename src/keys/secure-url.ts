/**
 * Whether nobody on the way can read or change what is asked of a URL, and nothing secret stands in it: https, or http at a
 * loopback address, and no password.
 */
export function isSecureUrl({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

/**
 * A copy of the URL that an option holds.
 *
 * @throws TypeError for what is no URL object, and for one that is not secure.
 */
export function secureUrl(option: string, url: unknown): URL {
  if (!(url instanceof URL)) throw new TypeError(`${option}: must be a URL object`)
  if (!isSecureUrl(url)) throw new TypeError(`${option}: must be https, or http at a loopback address, and hold no password`)
  return new URL(url)
}

// The parser of URLs has written every spelling of an address in this form.
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
