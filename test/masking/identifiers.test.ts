import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectors } from '../../src/masking/detectors.ts'
import { type IdentifierName, identifiers } from '../../src/masking/identifiers/all.ts'
import { found } from './found.ts'

interface Examples {
  /** From the authority, or the standard. Found alone and wherever they stand. */
  readonly alone?: readonly string[]
  /** Found only where a word says what they are. */
  readonly announced?: readonly string[]
  /** Right in form, but not in content: never found. */
  readonly wrong: readonly string[]
  /** How many of 10,000 with one other character are right by chance; 0 unless given. */
  readonly byChance?: number
}

const examples: Readonly<Record<IdentifierName, Examples>> = {
  usSsn: {
    alone: ['536-90-4399', '536 90 4399'],
    announced: ['536904399'],
    wrong: ['000-12-3456', '666-12-3456', '900-45-6789', '536-00-4399', '536-90-0000', '078-05-1120'],
    byChance: 10_000,
  },
  usItin: { alone: ['912-70-1234'], announced: ['912701234'], wrong: ['912-66-1234', '912-93-1234', '812-70-1234'], byChance: 10_000 },
  usEin: { announced: ['12-3456789', '123456789'], wrong: ['07-3456789', '49-3456789', '00-3456789'], byChance: 10_000 },
  caSin: { alone: ['130 692 544', '130-692-544'], announced: ['130692544'], wrong: ['130 692 545', '046 454 286', '830 692 547'] },
  mxCurp: { alone: ['HEGG560427MVZRRL04'], wrong: ['HEGG560427MVZRRL05', 'HEGG560427AVZRRL04'], byChance: 2_500 },
  ukNino: {
    alone: ['AB 12 34 56 C', 'AB123456C', 'JG 10 37 59 A'],
    wrong: ['BG 12 34 56 C', 'DA 12 34 56 C', 'AB 12 34 56 E', 'AO 12 34 56 C'],
    byChance: 10_000,
  },
  ukNhs: { alone: ['943 476 5919', '943-476-5919'], announced: ['9434765919'], wrong: ['943 476 5918', '943 476 5929'] },
  iePps: { alone: ['1234567T', '1234567FA'], wrong: ['1234567U', '1234567FB'], byChance: 600 },
  auTfn: { alone: ['123 456 782'], announced: ['123456782'], wrong: ['123 456 783'] },
  auMedicare: { alone: ['2123 45670 1'], announced: ['2123456701'], wrong: ['2123 45671 1', '7123 45670 1'], byChance: 1_600 },
  inAadhaar: { alone: ['2341 2341 2346'], announced: ['234123412346'], wrong: ['2341 2341 2347', '0341 2341 2346', '1341 2341 2340'] },
  inPan: { alone: ['ABCPE1234F'], wrong: ['ABCXE1234F', 'ABCPE0000F'], byChance: 10_000 },
  cnResidentId: {
    alone: ['11010519491231002X'],
    wrong: ['110105194912310021', '11010519491331002X', '01010519491231002X'],
  },
  jpMyNumber: { announced: ['1234 5678 9018', '123456789018'], wrong: ['1234 5678 9019'], byChance: 500 },
  krResidentNumber: {
    alone: ['800101-1234567'],
    announced: ['8001011234567'],
    wrong: ['801301-1234567', '800101-9234567', '800230-1234567'],
    byChance: 10_000,
  },
  sgNric: { alone: ['S1234567D', 'G1234567X', 'F1234567N', 'M1234567K'], wrong: ['S1234567E', 'A1234567D'], byChance: 100 },
  zaId: { alone: ['8001015009087', '800101 5009 087'], wrong: ['8001015009088', '8013015009083'] },
  deTaxId: { alone: ['86 095 742 719', '47 036 892 816'], announced: ['86095742719'], wrong: ['86 095 742 718', '06 095 742 719'] },
  esNif: { alone: ['12345678Z', '12345678-Z', '12.345.678-Z'], wrong: ['12345678A', '00000000T'] },
  esNie: { alone: ['X1234567L', 'X-1234567-L', 'Y1234567X'], wrong: ['X1234567M', 'W1234567L'] },
  itFiscalCode: {
    alone: ['RSSMRA85T10A562S', 'rssmra85t10a562s'],
    wrong: ['RSSMRA85T10A562T', 'RSSMRA85F10A562S', 'RSSMRA85T32A562S'],
    byChance: 400,
  },
  frNir: { alone: ['255081416802538', '2 55 08 14 168 025 38'], wrong: ['255081416802539', '955081416802538', '255181416802538'] },
  plPesel: { alone: ['44051401359', '02070803628'], wrong: ['44051401358', '44053201359', '44131401359'] },
  plNip: { alone: ['526-104-08-28', '526-10-40-828'], announced: ['5261040828'], wrong: ['526-104-08-29', '026-104-08-28'] },
  nlBsn: { announced: ['111222333', '1112.22.333'], wrong: ['111222334', '111111111'] },
  beNationalNumber: { alone: ['85.07.30-033.28', '85073003328', '17.07.30-033.84'], wrong: ['85.07.30-033.29', '85.13.30-033.28'] },
  chAhv: { alone: ['756.1234.5678.97', '7561234567897'], wrong: ['756.1234.5678.98', '757.1234.5678.97'] },
  sePersonalNumber: { alone: ['811228-9874', '19811228-9874'], announced: ['8112289874', '198112289874'], wrong: ['811228-9875', '811328-9874'] },
  ptNif: { announced: ['123456789', '123 456 789'], wrong: ['123456788', '423456789'], byChance: 400 },
  hrOib: { announced: ['69435151530'], wrong: ['69435151531'] },
  trIdentityNumber: { announced: ['10000000146'], wrong: ['10000000147', '00000000146'] },
  brCpf: { alone: ['529.982.247-25', '529982247-25'], announced: ['52998224725'], wrong: ['529.982.247-26', '111.111.111-11'], byChance: 10 },
  brCnpj: { alone: ['11.222.333/0001-81', '11222333000181'], wrong: ['11.222.333/0001-82', '00.000.000/0000-00'], byChance: 10 },
  arCuit: { alone: ['20-05536168-2'], announced: ['20055361682'], wrong: ['20-05536168-3', '21-05536168-2'] },
  clRut: { alone: ['12.345.678-5'], wrong: ['12.345.678-6'] },
  imei: { alone: ['49 015420 323751 8'], announced: ['490154203237518'], wrong: ['490154203237517'] },
}

const names = Object.keys(examples) as IdentifierName[]

for (const name of names)
  test(`${identifiers[name].type}: published numbers are found, wrong ones are not`, () => {
    const { type, words } = identifiers[name]
    const { alone = [], announced = [], wrong } = examples[name]
    const [word = ''] = words.split('|')
    for (const number of alone) {
      assert.deepEqual(found(`it is ${number}, yes`, detectors[name]), [`${type} ${number}`], number)
      assert.deepEqual(found(`"${number}"`, detectors[name]), [`${type} ${number}`], number)
      assert.deepEqual(found(number, detectors[name]), [`${type} ${number}`], number)
    }
    for (const number of announced) assert.deepEqual(found(`it is ${number}, yes`, detectors[name]), [], number)
    for (const number of [...alone, ...announced]) {
      assert.deepEqual(found(`${word}: ${number}.`, detectors[name]), [`${type} ${number}`], `${word} ${number}`)
      // A part of something longer is none.
      for (const around of [`x${number}`, `${number}x`, `9${number}`, `${number}9`, `_${number}`, `${number}_`, `a-${number}`, `${number}-a`])
        assert.ok(!found(`${word}: ${around}`, detectors[name]).includes(`${type} ${number}`), around)
    }
    for (const number of wrong) assert.deepEqual(found(`${word}: ${number}.`, detectors[name]), [], number)
  })

// The same numbers in every run.
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

for (const name of names)
  test(`${identifiers[name].type}: of 10,000 with one other character no more are right than its check lets through`, () => {
    const random = randomNumbers(7)
    const { alone = [], announced = [], byChance = 0 } = examples[name]
    const numbers = [...alone, ...announced].map((number) => number.toUpperCase().replaceAll(/[^0-9A-Z]/g, ''))
    let right = 0
    for (let count = 0; count < 10_000; count++) {
      const number = numbers[random(numbers.length)] ?? ''
      const place = random(number.length)
      const isDigit = /\d/.test(number.charAt(place))
      const step = 1 + random(isDigit ? 9 : 25)
      const other = isDigit
        ? String((Number(number.charAt(place)) + step) % 10)
        : String.fromCharCode(65 + ((number.charCodeAt(place) - 65 + step) % 26))
      if (identifiers[name].isValid(number.slice(0, place) + other + number.slice(place + 1))) right++
    }
    assert.ok(right <= byChance, String(right))
  })

test('a word about something else keeps a number without a strong check from being taken for one', () => {
  assert.deepEqual(found('order 943 476 5919', detectors.ukNhs), [])
  assert.deepEqual(found('PESEL of the buyer, order number 44051401359', detectors.plPesel), [])
  assert.deepEqual(found('order 17, PESEL 44051401359', detectors.plPesel), ['PL_PESEL 44051401359'])
})

test('words announce in their languages, with cases, compounds, keys and camel case', () => {
  for (const text of [
    'Social Security Number: 536904399',
    '"socialSecurityNumber": "536904399"',
    'user_ssn=536904399',
    'SSN#536904399',
    'ssn is 536904399',
    'ｓｓｎ： 536904399',
  ])
    assert.equal(found(text, detectors.usSsn).length, 1, text)
  for (const text of ['numeru PESEL 44051401359', 'Steuer-Identifikationsnummer 86095742719'])
    assert.equal(found(text, detectors.pii).length, 1, text)
  assert.deepEqual(found('assn: 536904399', detectors.usSsn), [])
})

test('detectors.country gives what one country has, by its code', () => {
  assert.deepEqual(
    detectors.country('pl').map(({ type }) => type),
    ['PL_NIP', 'PL_PESEL'],
  )
  assert.equal(detectors.country('gb'), detectors.country('UK'))
  for (const code of ['', 'xx', 'us_', undefined]) assert.throws(() => detectors.country(code as string), TypeError)
  const codes = [
    'us',
    'ca',
    'mx',
    'uk',
    'ie',
    'au',
    'in',
    'cn',
    'jp',
    'kr',
    'sg',
    'za',
    'de',
    'es',
    'it',
    'fr',
    'pl',
    'nl',
    'be',
    'ch',
    'se',
    'pt',
    'hr',
    'tr',
    'br',
    'ar',
    'cl',
  ]
  for (const code of codes) assert.ok(detectors.country(code).length > 0)
})
