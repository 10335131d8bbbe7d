// Others who do the same, each with all that it finds by itself. Their types are told in our words; what has none of ours, as names, counts as
// masked where it is innocent and is otherwise left out.
import { redact } from '@arcjet/redact'
import { PIIEntity, pii } from '@openai/guardrails'
import { Redactor } from '@redactpii/node'
import { detectCreditCard, detectEmail, detectIP, detectMacAddress } from 'langchain'
import { OpenRedaction } from 'openredaction'
import redactPii from 'redact-pii'
import type { Found } from './quality.ts'

const ourTypes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    EMAIL: 'EMAIL_ADDRESS email',
    PHONE: 'PHONE_NUMBER phone-number PHONE_UK_MOBILE PHONE_UK PHONE_US PHONE_INTERNATIONAL',
    CARD: 'CREDIT_CARD CREDIT_CARD_NUMBER credit-card-number',
    IBAN: 'IBAN_CODE UK_BANK_ACCOUNT_IBAN',
    IP_ADDRESS: 'IPV4 IPV6 ip-address',
    US_SSN: 'US_SOCIAL_SECURITY_NUMBER SSN',
    US_ITIN: 'ITIN',
    CA_SIN: 'SIN_CA',
    CRYPTO_ADDRESS: 'CRYPTO BITCOIN_ADDRESS ETHEREUM_ADDRESS LITECOIN_ADDRESS',
    SG_NRIC: 'SG_NRIC_FIN',
    PASSPORT: 'US_PASSPORT PASSPORT_US PASSPORT_UK IT_PASSPORT IN_PASSPORT',
    DRIVER_LICENSE: 'US_DRIVER_LICENSE DRIVING_LICENSE_US DRIVING_LICENSE_UK IT_DRIVER_LICENSE',
    UK_NINO: 'NATIONAL_INSURANCE_UK',
    UK_NHS: 'NHS_NUMBER',
    VIN: 'VIN_NUMBER',
    IMEI: 'IMEI_NUMBER',
    URL_CREDENTIALS: 'URL_WITH_AUTH',
    CONNECTION_STRING: 'DATABASE_CONNECTION',
    PRIVATE_KEY: 'SSH_PRIVATE_KEY',
    JWT: 'JWT_TOKEN',
    SECRET: 'CREDENTIALS GENERIC_SECRET AWS_SECRET_KEY BEARER_TOKEN OAUTH_CLIENT_SECRET OAUTH_TOKEN',
    API_KEY:
      'AWS_ACCESS_KEY GITHUB_TOKEN STRIPE_API_KEY GOOGLE_API_KEY OPENAI_API_KEY GENERIC_API_KEY SLACK_TOKEN TWILIO_API_KEY MAILGUN_API_KEY SENDGRID_API_KEY ' +
      'NPM_TOKEN PYPI_TOKEN',
  }).flatMap(([own, theirs]) => theirs.split(' ').map((name) => [name, own] as const)),
)

function ours(type: string): string {
  return ourTypes.get(type) ?? type
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
