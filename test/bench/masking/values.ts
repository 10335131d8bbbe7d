import { identifiers } from '../../../src/masking/identifiers/all.ts'

/** The same numbers for the same seed. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * count)
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  text(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet.charAt(this.below(alphabet.length))).join('')
  }
}

const digits = '0123456789'
const hex = '0123456789abcdef'
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const word = letters + letters.toLowerCase() + digits
const byType = new Map(Object.values(identifiers).map((identifier) => [identifier.type, identifier]))

// Filled in at random until its check says yes.
function identifier(dice: Dice, type: string): string {
  const { forms, isValid } = byType.get(type) ?? { forms: '', isValid: () => true }
  const prefixes: Readonly<Record<string, () => string>> = {
    ES_NIE: () => dice.one(['X', 'Y', 'Z']),
    CH_AHV: () => '756',
    IN_PAN: () => dice.text(letters, 3) + dice.one([...'PCH']),
    CN_RESIDENT_ID: () => `11010${dice.below(9) + 1}19${dice.below(40) + 50}0${dice.below(9) + 1}1${dice.below(9)}`,
    KR_RRN: () => `${dice.below(40) + 50}0${dice.below(9) + 1}1${dice.below(9)}${dice.one(['1', '2'])}`,
    IT_FISCAL_CODE: () =>
      `${dice.text('BCDFGLMNPRSTV', 6)}${dice.below(40) + 50}${dice.one([...'ABCDEHLMPRST'])}${dice.below(18) + 10}${dice.one([...'ABCDFGH'])}`,
    FR_NIR: () => `${dice.one(['1', '2'])}${dice.below(40) + 50}0${dice.below(9) + 1}`,
    PL_PESEL: () => `${dice.below(40) + 50}0${dice.below(9) + 1}1${dice.below(9)}`,
    BE_NATIONAL_NUMBER: () => `${dice.below(40) + 50}0${dice.below(9) + 1}1${dice.below(9)}`,
    MX_CURP: () => `${dice.text('BCDFGLMNPRSTV', 4)}${dice.below(40) + 50}0${dice.below(9) + 1}1${dice.below(9)}${dice.one(['H', 'M'])}DF`,
    AR_CUIT: () => dice.one(['20', '27', '30']),
  }
  const all = forms.split('|')
  for (;;) {
    const form = dice.one(all)
    let prefix = prefixes[type]?.() ?? ''
    const text = form.replaceAll(/[#A]/g, (place) => {
      const given = prefix.charAt(0)
      prefix = prefix.slice(1)
      return given !== '' ? given : dice.text(place === '#' ? digits : letters, 1)
    })
    if (isValid(text.replaceAll(/[^0-9A-Z]/g, ''))) return text
  }
}

function luhn(dice: Dice, prefix: string, length: number): string {
  const body = prefix + dice.text(digits, length - prefix.length - 1)
  let sum = 0
  for (let index = 0; index < body.length; index++) {
    const value = Number(body.charAt(body.length - 1 - index)) * (index % 2 === 0 ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  return body + ((10 - (sum % 10)) % 10)
}

function card(dice: Dice): string {
  const [prefix, length] = dice.one([
    ['4', 16],
    ['51', 16],
    ['2221', 16],
    ['37', 15],
    ['6011', 16],
    ['3530', 16],
    ['4', 13],
  ] as const)
  const number = luhn(dice, prefix, length)
  if (length !== 16) return number
  const separator = dice.one(['', ' ', '-'])
  return number.replaceAll(/(\d{4})(?=\d)/g, `$1${separator}`)
}

function iban(dice: Dice): string {
  const [country, account] = dice.one([
    ['DE', digits.repeat(2).slice(0, 18)],
    ['FR', digits.repeat(3).slice(0, 23)],
    ['GB', `WEST${digits.repeat(2).slice(0, 14)}`],
    ['PL', digits.repeat(3).slice(0, 24)],
    ['NL', `ABNA${digits}`],
    ['ES', digits.repeat(2).slice(0, 20)],
    ['IT', `X${digits.repeat(3).slice(0, 22)}`],
  ] as const)
  const body = account.replaceAll(/\d/g, () => dice.text(digits, 1))
  const number = [...`${body}${country}00`].map((character) => Number.parseInt(character, 36)).join('')
  const check = String(98n - (BigInt(number) % 97n)).padStart(2, '0')
  const text = `${country}${check}${body}`
  return dice.below(2) === 0 ? text : text.replaceAll(/(.{4})(?=.)/g, '$1 ')
}

const phones = [
  '+49 170 #######',
  '+49 30 ########',
  '+1 (2##) 555-01##',
  '(2##) 555-01##',
  '2##-555-01##',
  '+33 6 ## ## ## ##',
  '06 ## ## ## ##',
  '+44 20 7946 0###',
  '+48 6## ### ###',
  '+34 6## ## ## ##',
  '+39 3## #######',
  '+55 (11) 9####-####',
  '+7 (912) ###-##-##',
  '8 (912) ###-##-##',
  '+86 138 #### ####',
  '+91 98### #####',
  '+81 90-####-####',
  '0171 #######',
  '1-800-555-01##',
  '2##.555.01##',
  '+31 6 ########',
  '+447700900###',
]
const months = ['January', 'March', 'April', 'June', 'July', 'September', 'October', 'December']

const makers: Readonly<Record<string, (dice: Dice) => string>> = {
  EMAIL: (dice) =>
    dice.one(['bob', 'ada.lovelace', 'j.o-neill+news', 'sales', 'x99', 'müller', 'info']) +
    '@' +
    dice.one(['example.com', 'mail.example.co.uk', 'firma.example.de', 'exämple.org', 'corp.example', 'gmail.com']),
  PHONE: (dice) => dice.one(phones).replaceAll('#', () => dice.text(digits, 1)),
  CARD: card,
  IBAN: iban,
  PASSPORT: (dice) =>
    dice.one([`C${dice.text(digits, 8)}`, dice.text(digits, 9), `${dice.text(letters, 2)}${dice.text(digits, 7)}`, `C01X00T${dice.text(digits, 2)}`]),
  DRIVER_LICENSE: (dice) =>
    dice.one([
      `D${dice.text(digits, 7)}`,
      `S${dice.text(digits, 3)}-${dice.text(digits, 4)}-${dice.text(digits, 4)}`,
      `MORGA${dice.text(digits, 6)}SM9IJ`,
    ]),
  DATE_OF_BIRTH: (dice) => {
    const [day, month, year] = [dice.below(28) + 1, dice.below(12) + 1, 1940 + dice.below(65)]
    const two = (value: number): string => String(value).padStart(2, '0')
    return dice.one([
      `${year}-${two(month)}-${two(day)}`,
      `${two(day)}.${two(month)}.${year}`,
      `${two(month)}/${two(day)}/${year}`,
      `${day} ${dice.one(months)} ${year}`,
    ])
  },
  IP_ADDRESS: (dice) =>
    dice.below(3) === 0
      ? `2001:db8:${dice.text(hex, 4)}::${dice.text('123456789', 1)}${dice.text(hex, 3)}`
      : `${dice.below(200) + 10}.${dice.below(256)}.${dice.below(256)}.${dice.below(254) + 1}`,
  MAC_ADDRESS: (dice) => Array.from({ length: 6 }, (_, index) => (index === 0 ? '0a' : dice.text(hex, 2))).join(dice.one([':', '-'])),
  COORDINATES: (dice) => `${dice.below(80)}.${dice.text(digits, 4)}° N, ${dice.below(170)}.${dice.text(digits, 4)}° E`,
  COORDINATE: (dice) => `${dice.below(80)}.${dice.text(digits, 5)}`,
  CRYPTO_ADDRESS: (dice) => dice.one(['1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', `0x${dice.text(hex, 40)}`]),
  VIN: (dice) => dice.one(['1HGCM82633A004352', 'WVWZZZ1JZ3W386752', '5YJSA1E26HF000337']),
  API_KEY: (dice) =>
    dice.one([
      `sk-proj-${dice.text(word, 40)}`,
      `sk-ant-api03-${dice.text(word, 60)}`,
      `ghp_${dice.text(word, 36)}`,
      `AKIA${dice.text(`${letters}234567`, 16)}`,
      `AIza${dice.text(word, 35)}`,
      `xoxb-${dice.text(digits, 12)}-${dice.text(word, 24)}`,
      `sk_live_${dice.text(word, 24)}`,
      `glpat-${dice.text(word, 20)}`,
      `SG.${dice.text(word, 22)}.${dice.text(word, 43)}`,
      `hf_${dice.text(word, 34)}`,
    ]),
  SECRET: (dice) => dice.one([dice.text(word, 40), dice.text(hex, 32), dice.text(word, 24), `${dice.text(word, 43)}=`]),
  PASSWORD: (dice) => dice.one(['hunter2', 'S3cr3t!pass', 'correct-horse-9', 'Tr0ub4dor&3', 'p@ssw0rd2024']),
  CONNECTION_STRING: (dice) =>
    `${dice.one(['postgres', 'mysql', 'mongodb+srv', 'redis', 'amqps'])}://app:${dice.text(word, 12)}@db.example.com:5432/main`,
  URL_CREDENTIALS: (dice) => `ci:${dice.text(word, 20)}`,
  JWT: (dice) => `eyJhbGciOiJFUzI1NiJ9.eyJ${dice.text(word, 40)}.${dice.text(word, 86)}`,
  PRIVATE_KEY: (dice) => `-----BEGIN EC PRIVATE KEY-----\n${dice.text(word, 64)}\n${dice.text(word, 64)}\n-----END EC PRIVATE KEY-----`,
}

/** What looks like something that must not be seen. */
const innocents: Readonly<Record<string, (dice: Dice) => string>> = {
  order: (dice) =>
    dice.one([
      dice.text('123456789', 1) + dice.text(digits, 7),
      `100${dice.text(digits, 7)}`,
      `A-${dice.text(digits, 8)}`,
      `2024-${dice.text(digits, 6)}`,
      dice.text(digits, 12),
    ]),
  tracking: (dice) => dice.one([`1Z${dice.text(letters + digits, 16)}`, `${dice.text(digits, 20)}`, `RR${dice.text(digits, 9)}DE`]),
  version: (dice) => `${dice.below(9)}.${dice.below(30)}.${dice.below(99)}${dice.one(['', '-rc.1', '.4'])}`,
  hash: (dice) => dice.text(hex, dice.one([7, 32, 40, 64])),
  uuid: (dice) => `${dice.text(hex, 8)}-${dice.text(hex, 4)}-4${dice.text(hex, 3)}-a${dice.text(hex, 3)}-${dice.text(hex, 12)}`,
  timestamp: (dice) =>
    `2024-0${dice.below(9) + 1}-1${dice.below(9)}T1${dice.below(9)}:${dice.below(50) + 10}:${dice.below(50) + 10}.${dice.text(digits, 3)}Z`,
  epoch: (dice) => dice.one([`17${dice.text(digits, 8)}`, `17${dice.text(digits, 11)}`]),
  date: (dice) =>
    dice.one([
      `0${dice.below(9) + 1}.1${dice.below(2)}.2024`,
      `2024-1${dice.below(2)}-0${dice.below(9) + 1}`,
      `1${dice.below(9)}/0${dice.below(9) + 1}/2024`,
    ]),
}

export function secretLike(dice: Dice, type: string): string {
  return (makers[type] ?? ((own: Dice) => identifier(own, type)))(dice)
}

export function innocentLike(dice: Dice, kind: string): string | undefined {
  return innocents[kind]?.(dice)
}
