import type { Detector } from './detector.ts'
import type { Recognizer } from './recognizer.ts'
import { email, phone } from './recognizers/contact.ts'
import { ipAddress, usSsn } from './recognizers/numbers.ts'
import { card, iban } from './recognizers/payment.ts'
import { apiKey, jsonWebToken, privateKey } from './recognizers/secrets.ts'
import { scan } from './scan.ts'
import { recognizedBy } from './scanner.ts'

/** The detectors of this package, alone and in groups. */
export interface Detectors {
  /** `EMAIL`: addresses with an unquoted local part, at a domain of two labels or more. */
  readonly email: Detector
  /** `PHONE`: international, North American and trunk-zero numbers, and others behind a word such as "phone". */
  readonly phone: Detector
  /** `CARD`: payment card numbers with a right check digit (ISO/IEC 7812). */
  readonly card: Detector
  /** `IBAN`: account numbers of the registered countries with right check digits (ISO 13616). */
  readonly iban: Detector
  /** `US_SSN`: United States social security numbers in groups. */
  readonly usSsn: Detector
  /** `IP_ADDRESS`: IPv4 in dotted decimals. */
  readonly ipAddress: Detector
  /** `API_KEY`: keys with their vendor's prefix. */
  readonly apiKey: Detector
  /** `PRIVATE_KEY`: private keys in PEM and OpenPGP armour. */
  readonly privateKey: Detector
  /** `JWT`: JSON Web Tokens. */
  readonly jwt: Detector
  /** What tells of a person: e-mail, phone, card, IBAN, US SSN, IP address. Names and places need a model; they are not in it. */
  readonly pii: readonly Detector[]
  /** What opens doors: API keys, private keys, JSON Web Tokens. */
  readonly secrets: readonly Detector[]
  readonly all: readonly Detector[]
}

function builtIn(recognizer: Recognizer): Detector {
  const detector: Detector = Object.freeze({
    type: recognizer.type,
    maxLength: recognizer.maxLength,
    find: (text: string) => scan(text, detector),
  })
  recognizedBy(detector, recognizer)
  return detector
}

function makeDetectors(): Detectors {
  const pii = {
    email: builtIn(email),
    phone: builtIn(phone),
    card: builtIn(card),
    iban: builtIn(iban),
    usSsn: builtIn(usSsn),
    ipAddress: builtIn(ipAddress),
  }
  const secrets = { apiKey: builtIn(apiKey), privateKey: builtIn(privateKey), jwt: builtIn(jsonWebToken) }
  return Object.freeze({
    ...pii,
    ...secrets,
    pii: Object.freeze(Object.values(pii)),
    secrets: Object.freeze(Object.values(secrets)),
    all: Object.freeze([...Object.values(pii), ...Object.values(secrets)]),
  })
}

/** The detectors of this package: `detectors.email`, ... and the groups `pii`, `secrets`, `all`. */
export const detectors: Detectors = /* @__PURE__ */ makeDetectors()
