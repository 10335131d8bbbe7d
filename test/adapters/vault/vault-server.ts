import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on loopback that speaks the part of Vault's API that is used: the transit engine with one key `notes`. */
export interface VaultServer {
  readonly address: URL
  readonly asked: string[]
  /** What it answers before it does its work; undefined lets it. */
  fail: ((path: string) => number | 'hang' | undefined) | undefined
  rotate(): void
  setMinimum(version: number): void
  close(): Promise<void>
}

export const vaultToken = 'hvs.token-of-a-test'

export async function startVault(): Promise<VaultServer> {
  const versions = [randomBytes(32)]
  let minimum = 1
  const asked: string[] = []

  const encrypt = (plaintext: string): object => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', versions.at(-1) ?? Buffer.alloc(0), nonce)
    const text = Buffer.concat([nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()])
    return { ciphertext: `vault:v${versions.length}:${text.toString('base64')}`, key_version: versions.length }
  }
  const decrypt = (ciphertext: unknown): string => {
    const [, number = '', text = ''] = /^vault:v(\d+):(.+)$/.exec(String(ciphertext)) ?? []
    const key = versions[Number(number) - 1]
    if (key === undefined || Number(number) < minimum) throw new Error('disallowed by policy')
    const bytes = Buffer.from(text, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64')
  }
  const operations: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => object>> = {
    'POST /v1/transit/datakey/plaintext/notes': ({ bits }) => {
      if (bits !== 256) throw new Error('bits')
      const plaintext = randomBytes(32).toString('base64')
      return { plaintext, ...encrypt(plaintext) }
    },
    'POST /v1/transit/decrypt/notes': ({ ciphertext }) => ({ plaintext: decrypt(ciphertext) }),
    'POST /v1/transit/rewrap/notes': ({ ciphertext }) => encrypt(decrypt(ciphertext)),
    'GET /v1/transit/keys/notes': () => ({ latest_version: versions.length, min_decryption_version: minimum, name: 'notes' }),
  }
  const own: { fail: VaultServer['fail'] } = { fail: undefined }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = `${request.method} ${request.url}`
    asked.push(path)
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    const failure = own.fail?.(path)
    if (failure === 'hang') return
    const say = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (failure !== undefined) return say(failure, { errors: ['failed'] })
    if (request.headers['x-vault-token'] !== vaultToken) return say(403, { errors: ['permission denied'] })
    const operation = operations[path]
    if (operation === undefined) return say(404, { errors: [] })
    try {
      say(200, { request_id: '1', data: operation(body === '' ? {} : (JSON.parse(body) as Record<string, unknown>)) })
    } catch (error) {
      say(400, { errors: [String(error)] })
    }
  }
  const server: Server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(own, {
    address: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked,
    rotate: () => void versions.push(randomBytes(32)),
    setMinimum: (version: number) => void (minimum = version),
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
}
