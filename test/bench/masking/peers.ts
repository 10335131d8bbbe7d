// Others who do the same, each with all that it finds by itself. Their types are told in our words; what has none of ours, as names, counts as
// masked where it is innocent and is otherwise left out.
import { redact } from '@arcjet/redact'
import { PIIEntity, pii } from '@openai/guardrails'
import { Redactor } from '@redactpii/node'
import { detectCreditCard, detectEmail, detectIP, detectMacAddress } from 'langchain'
import { OpenRedaction } from 'openredaction'
import redactPii from 'redact-pii'
import type { Found } from './quality.ts'

const ourTypes: Readonly<Record<string, string>> = {
  EMAIL_ADDRESS: 'EMAIL',
  EMAIL: 'EMAIL',
  email: 'EMAIL',
  PHONE_NUMBER: 'PHONE',
  'phone-number': 'PHONE',
  CREDIT_CARD: 'CARD',
  CREDIT_CARD_NUMBER: 'CARD',
  'credit-card-number': 'CARD',
  IBAN_CODE: 'IBAN',
  IP_ADDRESS: 'IP_ADDRESS',
  IPV4: 'IP_ADDRESS',
  IPV6: 'IP_ADDRESS',
  'ip-address': 'IP_ADDRESS',
  US_SOCIAL_SECURITY_NUMBER: 'US_SSN',
  SSN: 'US_SSN',
  CRYPTO: 'CRYPTO_ADDRESS',
  BITCOIN_ADDRESS: 'CRYPTO_ADDRESS',
  ETHEREUM_ADDRESS: 'CRYPTO_ADDRESS',
  IT_FISCAL_CODE: 'IT_FISCAL_CODE',
  KR_RRN: 'KR_RRN',
  SG_NRIC_FIN: 'SG_NRIC',
  US_PASSPORT: 'PASSPORT',
  PASSPORT_US: 'PASSPORT',
  PASSPORT_UK: 'PASSPORT',
  US_DRIVER_LICENSE: 'DRIVER_LICENSE',
  DRIVING_LICENSE_US: 'DRIVER_LICENSE',
  DRIVING_LICENSE_UK: 'DRIVER_LICENSE',
  NATIONAL_INSURANCE_UK: 'UK_NINO',
  NHS_NUMBER: 'UK_NHS',
  MAC_ADDRESS: 'MAC_ADDRESS',
  URL_WITH_AUTH: 'URL_CREDENTIALS',
  PRIVATE_KEY: 'PRIVATE_KEY',
  JWT_TOKEN: 'JWT',
  CREDENTIALS: 'SECRET',
  AWS_ACCESS_KEY: 'API_KEY',
  GITHUB_TOKEN: 'API_KEY',
  STRIPE_API_KEY: 'API_KEY',
  GOOGLE_API_KEY: 'API_KEY',
  OPENAI_API_KEY: 'API_KEY',
  GENERIC_API_KEY: 'API_KEY',
}

function ours(type: string): string {
  return ourTypes[type] ?? type
}

// Where the pieces of a text that were left stand in it: what lies between two of them was replaced.
function replaced(text: string, masked: string, markers: RegExp): Found[] {
  const found: Found[] = []
  let at = 0
  let from = 0
  let pending: string | undefined
  const settle = (piece: string): void => {
    const next = piece === '' ? (pending === undefined ? at : text.length) : text.indexOf(piece, at)
    if (pending !== undefined && next > at) found.push({ type: ours(pending), start: at, end: next })
    if (next !== -1) at = next + piece.length
  }
  for (const match of masked.matchAll(markers)) {
    settle(masked.slice(from, match.index))
    pending = match[0]
    from = match.index + match[0].length
  }
  settle(masked.slice(from))
  return found
}

const redactor = new redactPii.SyncRedactor()
const node = new Redactor({ aggressive: true })
const open = new OpenRedaction()
// The deprecated ones take any two words for a name.
const entities = Object.values(PIIEntity).filter((entity) => !['NRP', 'PERSON', 'LOCATION', 'DATE_TIME', 'URL'].includes(entity))
const words = /[A-Z]+(?:_[A-Z]+)+|PERSON|USERNAME|DIGITS|URL/g

export const peers: Readonly<Record<string, (text: string) => Promise<readonly Found[]>>> = {
  '@openai/guardrails': async (text) => {
    const { info } = await pii({}, text, { entities, block: false, detect_encoded_pii: false })
    const found: Found[] = []
    for (const [type, values] of Object.entries((info.detected_entities ?? {}) as Record<string, string[]>))
      for (const value of values)
        for (let start = text.indexOf(value); start !== -1; start = text.indexOf(value, start + value.length))
          found.push({ type: ours(type), start, end: start + value.length })
    return found
  },
  openredaction: async (text) => {
    const { detections } = await open.detect(text)
    return detections.map(({ type, position: [start, end] }) => ({ type: ours(type), start, end }))
  },
  'redact-pii': async (text) => replaced(text, redactor.redact(text), words),
  '@redactpii/node': async (text) => replaced(text, node.redact(text), words),
  '@arcjet/redact': async (text) => {
    const found: Found[] = []
    let at = 0
    await redact(text, {
      replace: (entity, plaintext) => {
        const start = text.indexOf(plaintext, at)
        if (start !== -1) found.push({ type: ours(entity), start, end: (at = start + plaintext.length) })
        return undefined
      },
    })
    return found
  },
  langchain: async (text) =>
    Object.entries({ EMAIL: detectEmail, CARD: detectCreditCard, IP_ADDRESS: detectIP, MAC_ADDRESS: detectMacAddress }).flatMap(([type, detect]) =>
      detect(text).map(({ start, end }) => ({ type, start, end })),
    ),
}
