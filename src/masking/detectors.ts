import type { Detector } from './detector.ts'
import { type IdentifierName, identifiers } from './identifiers/all.ts'
import type { Recognizer } from './recognizer.ts'
import { drivingLicence, passport, vehicle } from './recognizers/announced-codes.ts'
import { apiKey } from './recognizers/api-key.ts'
import { assignedSecret } from './recognizers/assigned-secret.ts'

import { card } from './recognizers/card.ts'
import { coordinates } from './recognizers/coordinates.ts'
import { cryptoAddress } from './recognizers/crypto-address.ts'
import { dateOfBirth } from './recognizers/date-of-birth.ts'
import { email } from './recognizers/email.ts'
import { ipV6, macAddress } from './recognizers/hexadecimal-addresses.ts'
import { iban } from './recognizers/iban.ts'
import { ipV4 } from './recognizers/ip-address.ts'
import { jsonWebToken } from './recognizers/json-web-token.ts'
import { phone } from './recognizers/phone.ts'
import { privateKey } from './recognizers/private-key.ts'
import { shapedKey } from './recognizers/shaped-key.ts'
import { connectionString, urlCredentials } from './recognizers/url-credentials.ts'
import { scan } from './scan.ts'
import { type Recognized, recognizedBy } from './scanner.ts'

/** Detectors of identifiers that states give to persons, by name: `usSsn`, `plPesel`, ... */
export type IdentifierDetectors = Readonly<Record<IdentifierName, Detector>>

/** The detectors of this package, alone and in groups. */
export interface Detectors extends IdentifierDetectors {
  /** `EMAIL`: addresses at a domain of two labels or more, with a quoted local part as well. */
  readonly email: Detector
  /** `PHONE`: international numbers of every calling code, national ones in their usual groups, others behind a word such as "phone". */
  readonly phone: Detector
  /** `CARD`: payment card numbers of the issuers' ranges with a right check digit (ISO/IEC 7812). */
  readonly card: Detector
  /** `IBAN`: account numbers of the registered countries with right check digits (ISO 13616). */
  readonly iban: Detector
  /** `IP_ADDRESS`: IPv4 in dotted decimals, IPv6 in every form. */
  readonly ipAddress: Detector
  /** `MAC_ADDRESS`: six pairs of hexadecimal digits, or three groups of four. */
  readonly macAddress: Detector
  /** `DATE_OF_BIRTH`: dates behind a word that speaks of a birth. */
  readonly dateOfBirth: Detector
  /** `PASSPORT`: passport and identity card numbers behind a word that says so. */
  readonly passport: Detector
  /** `DRIVER_LICENSE`: driving licence numbers behind a word that says so. */
  readonly drivingLicence: Detector
  /** `COORDINATES`: places on earth in decimal degrees, with hemispheres or behind a word that says so. */
  readonly coordinates: Detector
  /** `CRYPTO_ADDRESS`: Bitcoin, Litecoin, Tron with right checksums, Ethereum. */
  readonly cryptoAddress: Detector
  /** `VIN`: vehicle identification numbers (ISO 3779). */
  readonly vin: Detector
  /** `API_KEY`: keys with their vendor's prefix. */
  readonly apiKey: Detector
  /** `PRIVATE_KEY`: private keys in PEM and OpenPGP armour. */
  readonly privateKey: Detector
  /** `JWT`: JSON Web Tokens. */
  readonly jwt: Detector
  /** `URL_CREDENTIALS`: a name and a password in a URL. */
  readonly urlCredentials: Detector
  /** `CONNECTION_STRING`: addresses of databases and brokers with a password. */
  readonly connectionString: Detector
  /** `SECRET`: passwords, keys and tokens by the name that they are given to, where they look like some. */
  readonly secret: Detector
  /** What tells of a person or leads to one. Names and places need a model; they are not in it. */
  readonly pii: readonly Detector[]
  /** What opens doors: keys, tokens, passwords. */
  readonly secrets: readonly Detector[]
  readonly all: readonly Detector[]
  /** What one country gives its people, by its code (ISO 3166-1, two letters; `uk` as well as `gb`). @throws TypeError for a country without any. */
  country(code: string): readonly Detector[]
}

function builtIn(type: string, maxLength: number, how: Recognized): Detector {
  const detector: Detector = Object.freeze({ type, maxLength, find: (text: string) => scan(text, detector) })
  recognizedBy(detector, how)
  return detector
}

function recognized(...recognizers: readonly Recognizer[]): Detector {
  return builtIn(recognizers[0]?.types[0] ?? '', Math.max(...recognizers.map(({ maxLength }) => maxLength)), { recognizers })
}

function makeIdentifiers(): IdentifierDetectors {
  // The same keys with other values, which the language cannot follow through `fromEntries`.
  return Object.fromEntries(
    Object.entries(identifiers).map(([name, identifier]) => [name, builtIn(identifier.type, longestForm(identifier.forms), { identifier })]),
  ) as Record<IdentifierName, Detector>
}

function longestForm(forms: string): number {
  return Math.max(...forms.split('|').map(({ length }) => length))
}

function makeDetectors(): Detectors {
  const ofStates = makeIdentifiers()
  const pii = {
    email: recognized(email),
    phone: recognized(phone),
    card: recognized(card),
    iban: recognized(iban),
    ipAddress: recognized(ipV4, ipV6),
    macAddress: recognized(macAddress),
    dateOfBirth: recognized(dateOfBirth),
    passport: recognized(passport),
    drivingLicence: recognized(drivingLicence),
    coordinates: recognized(coordinates),
    cryptoAddress: recognized(cryptoAddress),
    vin: recognized(vehicle),
    ...ofStates,
  }
  const secrets = {
    apiKey: recognized(apiKey, shapedKey),
    privateKey: recognized(privateKey),
    jwt: recognized(jsonWebToken),
    urlCredentials: recognized(urlCredentials),
    connectionString: recognized(connectionString),
    secret: recognized(assignedSecret),
  }
  const byCountry = new Map<string, Detector[]>()
  for (const detector of Object.values(ofStates)) {
    const country = detector.type.slice(0, 2).toLowerCase()
    if (detector.type.charAt(2) === '_') byCountry.set(country, [...(byCountry.get(country) ?? []), detector])
  }
  for (const list of byCountry.values()) Object.freeze(list)
  return Object.freeze({
    ...pii,
    ...secrets,
    pii: Object.freeze(Object.values(pii)),
    secrets: Object.freeze(Object.values(secrets)),
    all: Object.freeze([...Object.values(pii), ...Object.values(secrets)]),
    country(code: string) {
      const name = typeof code === 'string' ? code.toLowerCase() : ''
      const found = byCountry.get(name === 'gb' ? 'uk' : name)
      if (found === undefined) throw new TypeError(`detectors.country: nothing is known that is particular to ${String(code)}`)
      return found
    },
  })
}

/** The detectors of this package: `detectors.email`, ... and the groups `pii`, `secrets`, `all`, `country(code)`. */
export const detectors: Detectors = /* @__PURE__ */ makeDetectors()
