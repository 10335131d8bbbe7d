// Clients that leave before they have their answer.
import { request } from 'node:http'

export interface Leaving {
  readonly url: string
  readonly body: string
  readonly authorization: string
  /** Leaves after so many pieces of the answer, or, with none, so many milliseconds after it has asked. */
  readonly pieces: number
  readonly wait: number
}

/** Resolves when the client has left; rejects where it was refused or the answer ended before. */
export function leave({ url, body, authorization, pieces, wait }: Leaving): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization, 'content-length': Buffer.byteLength(body) }
    const asked = request(`${url}/v1/chat/completions`, { method: 'POST', agent: false, headers })
    let isGone = false
    const go = (): void => {
      isGone = true
      asked.destroy()
      resolve()
    }
    asked.on('error', (error) => isGone || reject(error))
    asked.on('response', (response) => {
      let seen = 0
      response.on('error', () => {})
      response.on('end', () => isGone || reject(new Error('the answer ended before its reader left')))
      response.on('data', () => {
        if (++seen === pieces) go()
      })
      if (response.statusCode !== 200) reject(new Error(`refused with ${response.statusCode}`))
    })
    asked.on('finish', () => {
      if (pieces === 0) setTimeout(go, wait)
    })
    asked.end(body)
  })
}
