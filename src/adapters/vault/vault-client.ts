import { GuardError } from '../../guard/errors.ts'
import type { VaultTransitOptions } from './vault-transit.ts'

const maxAnswer = 64 * 1024

/** Asks Vault over its HTTP API. Messages of errors hold no token and nothing of an answer. */
export class VaultClient {
  readonly #options: VaultTransitOptions
  readonly #base: string

  constructor(options: VaultTransitOptions) {
    this.#options = { ...options, address: new URL(options.address) }
    this.#base = `${options.address.origin}${options.address.pathname.replace(/\/+$/, '')}/v1/`
  }

  /** @param about `genuine` where 400 says that what was sent is not genuine, or too old. */
  post(path: string, body: object, signal?: AbortSignal, about?: 'genuine'): Promise<VaultAnswer> {
    return this.#ask(path, { method: 'POST', body: JSON.stringify(body) }, signal, about)
  }

  get(path: string, signal?: AbortSignal): Promise<VaultAnswer> {
    return this.#ask(path, { method: 'GET' }, signal)
  }

  async #ask(path: string, init: RequestInit, signal?: AbortSignal, about?: 'genuine'): Promise<VaultAnswer> {
    const { token, namespace, fetch = globalThis.fetch } = this.#options
    const headers: Record<string, string> = {
      'x-vault-token': typeof token === 'function' ? await token() : token,
      'x-vault-request': 'true',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
      ...(init.body !== undefined && { 'content-type': 'application/json' }),
    }
    const response = await fetch(this.#base + path, { ...init, headers, redirect: 'error', ...(signal !== undefined && { signal }) })
    if (!response.ok) {
      await response.body?.cancel()
      if (response.status === 400 && about === 'genuine')
        throw new GuardError('decryption_failed', { reason: 'Vault says that the wrapped key is not genuine, or too old' })
      throw new Error(`Vault answered ${response.status}`)
    }
    const text = await response.text()
    if (text.length > maxAnswer) throw new Error('Vault answered too much')
    return new VaultAnswer(JSON.parse(text))
  }
}

/** The data of an answer, read strictly. */
export class VaultAnswer {
  readonly #data: Readonly<Record<string, unknown>>

  constructor(body: unknown) {
    const data = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined
    if (typeof data !== 'object' || data === null) throw new Error('Vault answered without data')
    this.#data = data as Readonly<Record<string, unknown>>
  }

  text(name: string): string {
    const value = this.#data[name]
    if (typeof value !== 'string') throw new Error(`Vault answered without ${name}`)
    return value
  }

  number(name: string): number {
    const value = this.#data[name]
    if (!Number.isSafeInteger(value)) throw new Error(`Vault answered without ${name}`)
    return value as number
  }

  /** Bytes in base64. */
  bytes(name: string): Uint8Array<ArrayBuffer> {
    const binary = atob(this.text(name))
    return Uint8Array.from(binary, (character) => character.charCodeAt(0))
  }
}
