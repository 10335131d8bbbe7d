import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on loopback that speaks the part of AWS KMS's API that is used (JSON 1.1), and checks signatures of version 4. */
export interface KmsServer {
  readonly endpoint: string
  readonly asked: string[]
  /** Requests whose signature did not fit. */
  readonly unsigned: string[]
  fail: ((operation: string) => { status: number; type: string } | 'hang' | undefined) | undefined
  /** What `alias/notes` names. */
  alias: string
  /** Turns the material of every key over, as KMS does by itself or on demand. */
  rotate(): void
  close(): Promise<void>
}

export const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' } as const
export const region = 'eu-central-1'
export const arns = ['arn:aws:kms:eu-central-1:111122223333:key/one', 'arn:aws:kms:eu-central-1:111122223333:key/two'] as const

type Body = Readonly<Record<string, unknown>>

export async function startKms(): Promise<KmsServer> {
  // All material of each key, the newest last: KMS keeps every one.
  const keys = new Map<string, Buffer[]>(arns.map((arn) => [arn, [randomBytes(32)]]))
  const materialOf = (arn: string, index: number): { key: Buffer; id: string } => {
    const key = keys.get(arn)?.at(index) ?? Buffer.alloc(0)
    return { key, id: createHash('sha256').update(key).digest('hex') }
  }
  const own = { fail: undefined as KmsServer['fail'], alias: arns[0] as string }
  const asked: string[] = []
  const unsigned: string[] = []

  const named = (id: unknown): string => {
    const arn = id === 'alias/notes' ? own.alias : String(id)
    if (!keys.has(arn)) throw Object.assign(new Error(), { type: 'NotFoundException' })
    return arn
  }
  const aad = (context: unknown): Buffer => Buffer.from(JSON.stringify(Object.entries((context ?? {}) as object).sort()))
  const encrypt = (id: unknown, plaintext: Buffer, context: unknown): object => {
    const arn = named(id)
    const nonce = randomBytes(12)
    const { key } = materialOf(arn, -1)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad(context))
    const head = Buffer.from([arn.length, ...Buffer.from(arn), (keys.get(arn)?.length ?? 0) - 1])
    const blob = Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    return { KeyId: arn, CiphertextBlob: blob.toString('base64') }
  }
  const decrypt = (blob: unknown, id: unknown, context: unknown): { arn: string; plaintext: Buffer; material: string } => {
    const bytes = Buffer.from(String(blob), 'base64')
    const arn = bytes.subarray(1, 1 + (bytes[0] ?? 0)).toString()
    const { key, id: material } = materialOf(arn, bytes[1 + arn.length] ?? 0)
    try {
      const text = bytes.subarray(2 + arn.length)
      const decipher = createDecipheriv('aes-256-gcm', key, text.subarray(0, 12)).setAAD(aad(context)).setAuthTag(text.subarray(-16))
      const plaintext = Buffer.concat([decipher.update(text.subarray(12, -16)), decipher.final()])
      if (arn !== named(id)) throw Object.assign(new Error(), { type: 'IncorrectKeyException' })
      return { arn, plaintext, material }
    } catch (error) {
      throw error instanceof Error && 'type' in error ? error : Object.assign(new Error(), { type: 'InvalidCiphertextException' })
    }
  }
  const operations: Readonly<Record<string, (body: Body) => object>> = {
    GenerateDataKey: ({ KeyId, KeySpec, EncryptionContext }) => {
      if (KeySpec !== 'AES_256') throw new Error('KeySpec')
      const plaintext = randomBytes(32)
      return {
        Plaintext: plaintext.toString('base64'),
        KeyMaterialId: materialOf(named(KeyId), -1).id,
        ...encrypt(KeyId, plaintext, EncryptionContext),
      }
    },
    Encrypt: ({ KeyId, Plaintext, EncryptionContext }) => encrypt(KeyId, Buffer.from(String(Plaintext), 'base64'), EncryptionContext),
    Decrypt: ({ KeyId, CiphertextBlob, EncryptionContext }) => {
      const { arn, plaintext, material } = decrypt(CiphertextBlob, KeyId, EncryptionContext)
      return { KeyId: arn, KeyMaterialId: material, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }
    },
    ReEncrypt: (body) => {
      const { arn, plaintext, material } = decrypt(body.CiphertextBlob, body.SourceKeyId, body.SourceEncryptionContext)
      const materials = { SourceKeyMaterialId: material, DestinationKeyMaterialId: materialOf(named(body.DestinationKeyId), -1).id }
      return { ...encrypt(body.DestinationKeyId, plaintext, body.DestinationEncryptionContext), SourceKeyId: arn, ...materials }
    },
    DescribeKey: ({ KeyId }) => {
      const Arn = named(KeyId)
      return { KeyMetadata: { Arn, KeyId: 'one', KeyState: 'Enabled', Enabled: true, CurrentKeyMaterialId: materialOf(Arn, -1).id } }
    },
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
    asked.push(operation)
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    const say = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(value))
    }
    if (!isSigned(request, body)) {
      unsigned.push(operation)
      return say(400, { __type: 'IncompleteSignatureException' })
    }
    const failure = own.fail?.(operation)
    if (failure === 'hang') return
    if (failure !== undefined) return say(failure.status, { __type: failure.type })
    try {
      say(200, operations[operation]?.(JSON.parse(body) as Body) ?? {})
    } catch (error) {
      say(400, { __type: error instanceof Error && 'type' in error ? error.type : 'ValidationException' })
    }
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(own, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    unsigned,
    rotate: () => {
      for (const materials of keys.values()) materials.push(randomBytes(32))
    },
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
}

/** AWS Signature Version 4, of a POST to `/`. */
function isSigned(request: IncomingMessage, body: string): boolean {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/kms\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/
  const [, id, day = '', place = '', names = '', signature] = pattern.exec(String(request.headers.authorization)) ?? []
  if (id !== credentials.accessKeyId || place !== region || request.method !== 'POST' || request.url !== '/') return false
  if (!['host', 'x-amz-date', 'x-amz-target'].every((name) => names.split(';').includes(name))) return false
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
  const fields = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
  const canonical = ['POST', '/', '', fields.join(''), names, sha(body)].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], `${day}/${place}/kms/aws4_request`, sha(canonical)].join('\n')
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const key = mac(mac(mac(mac(`AWS4${credentials.secretAccessKey}`, day), place), 'kms'), 'aws4_request')
  return mac(key, toSign).toString('hex') === signature
}
