import { type CustomFetchOptions, customFetch, type ProtectedResourceRequestBody } from 'oauth4webapi'

type ClientFetch = (url: string, options: CustomFetchOptions<string, ProtectedResourceRequestBody>) => Promise<Response>

/** The option with which `oauth4webapi` sends its requests by this `fetch`. */
export function sentBy(fetch: typeof globalThis.fetch): { readonly [customFetch]: ClientFetch } {
  return {
    [customFetch](url, { body, ...rest }) {
      if (body === undefined) return fetch(url, rest)
      // A `fetch` takes no view of memory that is shared.
      return fetch(url, { ...rest, body: body instanceof Uint8Array ? Uint8Array.from(body) : body })
    },
  }
}
