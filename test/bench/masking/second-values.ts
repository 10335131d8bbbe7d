// Values for the second corpus, in the forms of data generators, forms and exports, not those that the detectors were written with.
import { type Dice, secretLike } from './values.ts'

const digits = '0123456789'
const hex = '0123456789abcdef'
const capitals = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const small = capitals.toLowerCase()
const word = capitals + small + digits

// `#` a digit, `%` a digit from 2 to 9, `!` one from 1 to 9.
function filled(dice: Dice, form: string): string {
  return form.replaceAll(/[#%!]/g, (place) => dice.text(place === '#' ? digits : place === '%' ? '23456789' : '123456789', 1))
}

const phones: Readonly<Record<string, readonly string[]>> = {
  PHONE: [
    '(%##) %##-#### x###',
    '+1-%##-%##-####x####',
    '001-%##-%##-####',
    '%##-%##-####',
    '%##.%##.####',
    '(%##)%##-####',
    '+1 %## %## ####',
    '+1 (%##) %##-####',
    '1.%##.%##.####',
    '+1%##%##%###',
    '+44 20 7946 0###',
    '+44 (0)20 7946 0###',
    '020 7946 0###',
    '07700 900###',
    '(0117) 496 0###',
    '+353 1 ### ####',
    '+49 (0) 89 #######',
    '+49 151 ########',
    '0049-30-#######',
    '+43 664 #######',
    '+41 79 ### ## ##',
    '+33 (0)6 ## ## ## ##',
    '06.##.##.##.##',
    '+32 47# ## ## ##',
    '+31 20 ### ####',
    '+34 6## ### ###',
    '+351 912 ### ###',
    '+39 02 #### ####',
    '+30 21# ### ####',
    '+45 ## ## ## ##',
    '+46 70 ### ## ##',
    '+47 4## ## ###',
    '+358 40 ### ####',
    '+48 5## ### ###',
    '+420 6## ### ###',
    '+36 30 ### ####',
    '+40 7## ### ###',
    '+380 67 ### ## ##',
    '+7 9## ###-##-##',
    '+90 532 ### ## ##',
    '+972 52-###-####',
    '+971 50 ### ####',
    '+966 5# ### ####',
    '+20 100 ### ####',
    '+234 803 ### ####',
    '+254 722 ######',
    '+27 82 ### ####',
    '+91-98### #####',
    '+91 80 #### ####',
    '+92 300 #######',
    '+880 17## ######',
    '+94 77 ### ####',
    '+65 9### ####',
    '+60 12-### ####',
    '+62 812-####-####',
    '+63 917 ### ####',
    '+66 81 ### ####',
    '+84 90 ### ## ##',
    '+86 139-####-####',
    '+852 9### ####',
    '+886 912 ### ###',
    '+81 3-####-####',
    '+82 10-####-####',
    '+61 4## ### ###',
    '+61 2 9### ####',
    '+64 21 ### ####',
    '+52 55 #### ####',
    '+55 21 9####-####',
    '+54 9 11 ####-####',
    '+56 9 #### ####',
    '+57 300 ### ####',
    '+51 9## ### ###',
    '+593 99 ### ####',
    '+502 #### ####',
    '+1-876-%##-####',
    '+264 81 ### ####',
    '+995 555 ## ## ##',
    '+374 91 ######',
  ],
  // Without any form that tells: behind a word only.
  PHONE_PLAIN: ['%##%##%###', '0!########', '9#########', '%##%###', '### ####', '!## ### ###', '8########'],
}

function checked(body: string, weigh: (sum: string) => string): string {
  return body + weigh(body)
}

function luhnDigit(body: string): string {
  let sum = 0
  for (let index = 0; index < body.length; index++) {
    const value = Number(body.charAt(body.length - 1 - index)) * (index % 2 === 0 ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  return String((10 - (sum % 10)) % 10)
}

function card(dice: Dice): string {
  const [prefix, length, groups] = dice.one([
    ['4539', 16, [4, 4, 4, 4]],
    ['4716', 16, [4, 4, 4, 4]],
    ['5425', 16, [4, 4, 4, 4]],
    ['2720', 16, [4, 4, 4, 4]],
    ['3714', 15, [4, 6, 5]],
    ['3412', 15, [4, 6, 5]],
    ['3056', 14, [4, 6, 4]],
    ['3622', 14, [4, 6, 4]],
    ['6011', 16, [4, 4, 4, 4]],
    ['6500', 16, [4, 4, 4, 4]],
    ['3528', 16, [4, 4, 4, 4]],
    ['6763', 16, [4, 4, 4, 4]],
    ['6221', 19, [6, 13]],
    ['5020', 12 + 4, [4, 4, 4, 4]],
    ['2200', 16, [4, 4, 4, 4]],
  ] as const)
  const number = checked(prefix + dice.text(digits, length - prefix.length - 1), luhnDigit)
  const separator = dice.one(['', '', ' ', '-'])
  if (separator === '' || length === 19) return number
  let at = 0
  return groups.map((size) => number.slice(at, (at += size))).join(separator)
}

// One account form for each of many countries: letters, digits, and `?` for either.
const accounts =
  'AD########???????????? AE################### AL########???????????????? AT################ AZAAAA???????????????????? BA################ BE############ ' +
  'BGAAAA######???????? BHAAAA?????????????? BR#######################A? BY????#################### CH#####???????????? CR################## ' +
  'CY########???????????????? CZ#################### DE################## DK############## DO????#################### EE################ EG######################### ' +
  'ES#################### FI############## FO############## FR##########???????????## GBAAAA############## GEAA################ GIAAAA??????????????? GL############## ' +
  'GR#######???????????????? GT???????????????????? HR################# HU######################## IEAAAA############## IL################### IS###################### ' +
  'ITA##########???????????? JOAAAA####?????????????????? KWAAAA?????????????????????? KZ###????????????? LB####???????????????????? LI#####???????????? ' +
  'LT################ LU###????????????? LVAAAA????????????? MC##########???????????## MD???????????????????? ME################## MK###??????????## ' +
  'MR####################### MTAAAA#####?????????????????? MUAAAA###################AAA NLAAAA########## NO########### PKAAAA???????????????? ' +
  'PL######################## PSAAAA????????????????????? PT##################### QAAAAA????????????????????? ROAAAA???????????????? RS################## ' +
  'SA##?????????????????? SCAAAA####################AAA SE#################### SI############### SK#################### SMA##########???????????? ' +
  'TN#################### TR######???????????????? UA######??????????????????? VA################## VGAAAA################ XK################'

function iban(dice: Dice): string {
  const form = dice.one(accounts.split(' '))
  const country = form.slice(0, 2)
  const account = form.slice(2).replaceAll(/[A#?]/g, (place) => dice.text(place === 'A' ? capitals : place === '#' ? digits : capitals + digits, 1))
  const number = [...`${account}${country}00`].map((character) => Number.parseInt(character, 36)).join('')
  const text = `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`
  return dice.one([text, text.replaceAll(/(.{4})(?=.)/g, '$1 '), text.replaceAll(/(.{4})(?=.)/g, '$1-')])
}

function vin(dice: Dice): string {
  const alphabet = 'ABCDEFGHJKLMNPRSTUVWXYZ0123456789'
  const values = '0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ'
  const weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
  const head = dice.one(['1HG', 'JTD', 'WBA', '5YJ', '2T1', 'KNA', '3FA']) + dice.text(alphabet, 5)
  const tail = dice.text(alphabet, 3) + dice.text(digits, 5)
  const sum = [...`${head}0${tail}`].reduce((total, character, index) => total + (values.indexOf(character) % 10) * (weights[index] ?? 0), 0)
  return `${head}${'0123456789X'.charAt(sum % 11)}${tail}`
}

const names = [
  'olivia.martin',
  'j_doe',
  'kim-lee',
  'o.brien+shop',
  'r2d2',
  'maría',
  'жанна',
  'info',
  'first.m.last',
  'a',
  '"very.odd"',
  'noreply',
  'x_y-z.1',
]
const domains = [
  'acme-corp.com',
  'mail.ru',
  'uni-köln.de',
  'a.co',
  'sub.domain.co.jp',
  'пример.рф',
  'xn--bcher-kva.example',
  'example.museum',
  'my-company.io',
  '例え.jp',
]
const months = 'January February March April May June July August September October November December'.split(' ')

function two(value: number): string {
  return String(value).padStart(2, '0')
}

const makers: Readonly<Record<string, (dice: Dice) => string>> = {
  EMAIL: (dice) => `${dice.one(names)}@${dice.one(domains)}`,
  PHONE: (dice) => filled(dice, dice.one(phones.PHONE ?? [])),
  PHONE_PLAIN: (dice) => filled(dice, dice.one(phones.PHONE_PLAIN ?? [])),
  CARD: card,
  IBAN: iban,
  VIN: vin,
  // In a table, where no word stands before it.
  US_SSN_GROUPED: (dice) => secretLike(dice, 'US_SSN').replace(/^(\d{3})(\d\d)(\d{4})$/, '$1-$2-$3'),
  US_SSN_PLAIN: (dice) => secretLike(dice, 'US_SSN').replaceAll(/\D/g, ''),
  IMEI: (dice) => {
    const number = checked(`35${dice.text(digits, 12)}`, luhnDigit)
    return dice.one([number, number.replace(/(..)(.{6})(.{6})(.)/, '$1-$2-$3-$4'), number.replace(/(..)(.{6})(.{6})(.)/, '$1 $2 $3 $4')])
  },
  DATE_OF_BIRTH: (dice) => {
    const [day, month, year] = [dice.below(28) + 1, dice.below(12) + 1, 1935 + dice.below(70)]
    const name = months[month - 1] ?? ''
    return dice.one([
      `${two(month)}/${two(day)}/${year}`,
      `${month}/${day}/${year}`,
      `${two(day)}-${two(month)}-${year}`,
      `${year}/${two(month)}/${two(day)}`,
      `${year}-${two(month)}-${two(day)}`,
      `${day}.${month}.${year}`,
      `${name} ${day}, ${year}`,
      `${name.slice(0, 3)} ${day}, ${year}`,
      `${day} ${name.slice(0, 3)} ${year}`,
      `${two(day)}-${name.slice(0, 3)}-${year}`,
      `${day}${day === 1 || day === 21 ? 'st' : day === 2 || day === 22 ? 'nd' : day === 3 || day === 23 ? 'rd' : 'th'} of ${name} ${year}`,
      `${two(month)}/${two(day)}/${String(year).slice(2)}`,
    ])
  },
  IP_ADDRESS: (dice) => {
    const groups = (count: number): string => Array.from({ length: count }, () => dice.text('123456789abcdef', 1) + dice.text(hex, 3)).join(':')
    return dice.one([
      `${dice.below(223) + 1}.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`,
      `10.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`,
      groups(8),
      groups(8).toUpperCase(),
      `fe80::${groups(4)}`,
      `2a02:${groups(2)}::${dice.text('123456789', 1)}`,
      `2001:db8::${groups(1)}`,
      `::ffff:192.0.2.${dice.below(256)}`,
    ])
  },
  CIDR: (dice) => dice.one([`172.16.${dice.below(256)}.0/24`, `2001:db8:${dice.text('123456789', 4)}::/48`, `10.${dice.below(256)}.0.0/16`]),
  MAC_ADDRESS: (dice) => {
    const pairs = ['a4', ...Array.from({ length: 5 }, () => dice.text(hex, 2))]
    return dice.one([pairs.join(':'), pairs.join('-').toUpperCase(), pairs.join('').replaceAll(/(.{4})(?=.)/g, '$1.')])
  },
  COORDINATES: (dice) => {
    const [latitude, longitude] = [`${dice.below(80) + 1}.${dice.text(digits, 5)}1`, `${dice.below(170) + 1}.${dice.text(digits, 5)}1`]
    return dice.one([`${latitude}, -${longitude}`, `-${latitude},${longitude}`, `${latitude}°N ${longitude}°W`, `${latitude}° S, ${longitude}° E`])
  },
  CRYPTO_ADDRESS: (dice) =>
    dice.one([
      '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
      '3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX',
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
      'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0',
      '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
      '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
      'LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1',
      'ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9',
      'TN3W4H6rK2ce4vX9YnFQHwKENnHjoxb3m9',
    ]),
  PASSPORT: (dice) =>
    dice.one([
      dice.text(digits, 9),
      `${dice.text(capitals, 1)}${dice.text(digits, 8)}`,
      `${dice.text(capitals, 2)}${dice.text(digits, 6)}`,
      `${dice.text(digits, 2)}AB${dice.text(digits, 5)}`,
    ]),
  DRIVER_LICENSE: (dice) =>
    dice.one([
      `${dice.text(capitals, 1)}${dice.text(digits, 12)}`,
      dice.text(digits, 8),
      `${dice.text(capitals, 1)}${dice.text(digits, 3)}-${dice.text(digits, 3)}-${dice.text(digits, 3)}`,
      `${dice.text(capitals, 5)}${dice.text(digits, 6)}${dice.text(capitals, 2)}9${dice.text(capitals, 2)}`,
    ]),
  PASSWORD: (dice) =>
    dice.one([
      `Summer${dice.below(9000) + 1000}!`,
      `${dice.text(word, 10)}${dice.text(digits, 1)}x`,
      `p4ss-${dice.text(small, 4)}-${dice.text(digits, 3)}`,
      `${dice.text(small, 5)}#${dice.text(digits, 3)}${dice.text(capitals, 2)}`,
    ]),
  SECRET: (dice) =>
    dice.one([
      `${dice.text(word, 31)}7`,
      dice.text(hex, 40),
      `${dice.text(hex, 8)}-${dice.text(hex, 4)}-4${dice.text(hex, 3)}-9${dice.text(hex, 3)}-${dice.text(hex, 12)}`,
      `${dice.text(`${word}+/`, 42)}3=`,
    ]),
  API_KEY: (dice) =>
    dice.one([
      `github_pat_${dice.text(word, 22)}_${dice.text(word, 59)}`,
      `gho_${dice.text(word, 36)}`,
      `ASIA${dice.text(`${capitals}234567`, 15)}7`,
      `xoxp-${dice.text(digits, 12)}-${dice.text(digits, 12)}-${dice.text(digits, 12)}-${dice.text(hex, 32)}`,
      `rk_live_${dice.text(word, 24)}`,
      `glptt-${dice.text(hex, 40)}`,
      `npm_${dice.text(word, 36)}`,
      `pypi-AgEIcHlwaS5vcmc${dice.text(word, 60)}`,
      `dop_v1_${dice.text(hex, 64)}`,
      `shpat_${dice.text(hex, 32)}`,
      `hvs.${dice.text(word, 90)}`,
      `sk-ant-api03-${dice.text(word, 93)}AA`,
      `sk-${dice.text(word, 20)}T3BlbkFJ${dice.text(word, 20)}`,
      `r8_${dice.text(word, 37)}`,
      `gsk_${dice.text(word, 52)}`,
      `xkeysib-${dice.text(hex, 64)}-${dice.text(word, 16)}`,
      `SK${dice.text(hex, 32)}`,
      `${dice.text(digits, 10)}:AA${dice.text(word, 33)}`,
      `ya29.${dice.text(word, 60)}`,
      `lin_api_${dice.text(word, 40)}`,
      `dapi${dice.text(hex, 32)}`,
      `${dice.text(word, 2)}_7Q~${dice.text(word, 30)}9A`.slice(0, 40),
      `${dice.text(hex, 32)}-us${dice.below(20) + 1}`,
    ]),
  JWT: (dice) => `eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ${dice.text(word, 60)}.${dice.text(`${word}-_`, 43)}`,
  URL_CREDENTIALS: (dice) => `${dice.one(['deploy', 'x-token-auth', 'svc.user'])}:${dice.text(word, 16)}`,
  CONNECTION_STRING: (dice) =>
    dice.one([
      `postgresql://root:${dice.text(word, 14)}@10.0.0.5/orders?sslmode=require`,
      `mongodb://u1:${dice.text(word, 12)}@a.example:27017,b.example:27017/?replicaSet=rs0`,
      `amqp://guest:${dice.text(word, 9)}@mq:5672/%2f`,
      `rediss://:${dice.text(word, 20)}@cache.example:6380/0`,
      `mysql+pymysql://app:${dice.text(word, 11)}@db/app`,
      `sqlserver://sa:${dice.text(word, 13)}@mssql.example:1433?database=x`,
    ]),
  PRIVATE_KEY: (dice) => {
    const label = dice.one(['PRIVATE KEY', 'RSA PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'PGP PRIVATE KEY BLOCK'])
    return `-----BEGIN ${label}-----\n${dice.text(word, 64)}\n${dice.text(word, 64)}\n${dice.text(word, 30)}==\n-----END ${label}-----`
  },
}

/** What looks like something that must not be seen. */
const innocents: Readonly<Record<string, (dice: Dice) => string>> = {
  uuid: (dice) => `${dice.text(hex, 8)}-${dice.text(hex, 4)}-4${dice.text(hex, 3)}-b${dice.text(hex, 3)}-${dice.text(hex, 12)}`,
  sha: (dice) => dice.text(hex, dice.one([7, 8, 12, 32, 40, 64])),
  integrity: (dice) => `sha512-${dice.text(`${word}+/`, 86)}==`,
  base64: (dice) => `data:image/png;base64,iVBORw0KGgo${dice.text(`${word}+/`, 90)}=`,
  objectid: (dice) => dice.text(hex, 24),
  number: (dice) => dice.text('123456789', 1) + dice.text(digits, dice.one([3, 5, 7, 8, 9, 10, 11, 14])),
  amount: (dice) =>
    dice.one([
      `$${dice.below(900) + 100},${dice.text(digits, 3)}.${dice.text(digits, 2)}`,
      `${dice.below(900) + 1}.${dice.text(digits, 3)},${dice.text(digits, 2)} €`,
      `${dice.below(90) + 10} ${dice.text(digits, 3)} ${dice.text(digits, 3)}`,
    ]),
  when: (dice) =>
    dice.one([
      `2025-0${dice.below(9) + 1}-2${dice.below(9)} 1${dice.below(9)}:${dice.below(50) + 10}:${dice.below(50) + 10},${dice.text(digits, 3)}`,
      `Nov  ${dice.below(9) + 1} 0${dice.below(9)}:${dice.below(50) + 10}:${dice.below(50) + 10}`,
      `${dice.below(20) + 10}/Oct/2025:13:55:36 -0700`,
      `2025-1${dice.below(2)}-0${dice.below(9) + 1}T08:15:30+02:00`,
      `17${dice.text(digits, 8)}.${dice.text(digits, 6)}`,
      `20251${dice.below(2)}0${dice.below(9) + 1}T091500Z`,
    ]),
  day: (dice) =>
    dice.one([
      `0${dice.below(9) + 1}/2${dice.below(8)}/2025`,
      `2${dice.below(8)}.0${dice.below(9) + 1}.2025`,
      `2025-0${dice.below(9) + 1}-1${dice.below(9)}`,
      `March ${dice.below(28) + 1}, 2025`,
    ]),
  version: (dice) =>
    dice.one([
      `${dice.below(30)}.${dice.below(30)}.${dice.below(99)}`,
      `v${dice.below(9)}.${dice.below(9)}.${dice.below(9)}-beta.${dice.below(9)}`,
      `10.0.19045.${dice.below(9000)}`,
      `${dice.below(9) + 1}.${dice.below(9)}.${dice.below(9)}.${dice.below(9)}`,
    ]),
  isbn: (dice) => `978-${dice.text(digits, 1)}-${dice.text(digits, 3)}-${dice.text(digits, 5)}-${dice.text(digits, 1)}`,
  sku: (dice) =>
    dice.one([
      `SKU-${dice.text(digits, 5)}-${dice.text(capitals, 2)}`,
      `${dice.text(capitals, 3)}${dice.text(digits, 6)}`,
      `B0${dice.text(capitals + digits, 8)}`,
    ]),
  parcel: (dice) => dice.one([`1Z999AA1${dice.text(digits, 10)}`, `9400 1000 0000 0000 ${dice.text(digits, 4)} 00`, `JD0${dice.text(digits, 15)}`]),
  float: (dice) => `${dice.one(['', '-'])}${dice.below(9)}.${dice.text(digits, 6)}`,
}

export function secondSecretLike(dice: Dice, type: string): string {
  return (makers[type] ?? ((own: Dice) => secretLike(own, type)))(dice)
}

export function secondInnocentLike(dice: Dice, kind: string): string | undefined {
  return innocents[kind]?.(dice)
}
