import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import { parseJson } from '../../payload/strict-json.ts'
import { decodeBase64url } from './base64url.ts'

/** The assertion in a text, as a browser gives it (`AuthenticationResponseJSON`, in base64url); undefined where it is none. */
export function readAssertion(text: string): AuthenticationResponseJSON | undefined {
  const whole = recordIn(text)
  const response = whole?.response
  if (!isRecord(response)) return undefined
  const { id, rawId, type } = whole ?? {}
  const { clientDataJSON, authenticatorData, signature } = response
  if (type !== 'public-key' || !isText(id) || !isText(rawId)) return undefined
  if (!isText(clientDataJSON) || !isText(authenticatorData) || !isText(signature)) return undefined
  // Anew, and with nothing in it that nobody looks at.
  return { id, rawId, type, response: { clientDataJSON, authenticatorData, signature }, clientExtensionResults: {} }
}

/** Whether an assertion was made in a frame of somebody else's page, where the caller may not have seen what it approved. */
export function isFramed({ response }: AuthenticationResponseJSON): boolean {
  const client = recordIn(response.clientDataJSON)
  return client === undefined || (client.crossOrigin !== undefined && client.crossOrigin !== false) || client.topOrigin !== undefined
}

function recordIn(text: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decodeBase64url(text)
  if (bytes === undefined) return undefined
  try {
    const value = parseJson(bytes)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
