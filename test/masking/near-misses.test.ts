import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Detector } from '../../src/masking/detector.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { scan } from '../../src/masking/scan.ts'
import { Dice } from '../bench/masking/values.ts'
import { found } from './found.ts'

// Examples of the IBAN registry (ISO 13616), one for each country.
const accounts: readonly string[] = (
  'AD1200012030200359100100 AE070331234567890123456 AL47212110090000000235698741 AT611904300234573201 AZ21NABZ00000000137010001944 BA391290079401028494 ' +
  'BE68539007547034 BG80BNBG96611020345678 BH67BMAG00001299123456 BI4210000100010000332045181 BR1800360305000010009795493C1 BY13NBRB3600900000002Z00AB00 ' +
  'CH9300762011623852957 CR05015202001026284066 CY17002001280000001200527600 CZ6508000000192000145399 DE89370400440532013000 DJ2100010000000154000100186 ' +
  'DK5000400440116243 DO28BAGR00000001212453611324 EE382200221020145685 EG380019000500000000263180002 ES9121000418450200051332 FI2112345600000785 ' +
  'FK88SC123456789012 FO6264600001631634 FR1420041010050500013M02606 GB29NWBK60161331926819 GE29NB0000000101904917 GI75NWBK000000007099453 ' +
  'GL8964710001000206 GR1601101250000000012300695 GT82TRAJ01020000001210029690 HR1210010051863000160 HU42117730161111101800000000 IE29AIBK93115212345678 ' +
  'IL620108000000099999999 IQ98NBIQ850123456789012 IS140159260076545510730339 IT60X0542811101000000123456 JO94CBJO0010000000000131000302 ' +
  'KW81CBKU0000000000001234560101 KZ86125KZT5004100100 LB62099900000001001901229114 LC55HEMM000100010012001200023015 LI21088100002324013AA LT121000011101001000 ' +
  'LU280019400644750000 LV80BANK0000435195001 LY83002048000020100120361 MC5811222000010123456789030 MD24AG000225100013104168 ME25505000012345678951 ' +
  'MK07250120000058984 MN121234123456789123 MR1300020001010000123456753 MT84MALT011000012345MTLCAST001S MU17BOMM0101101030300200000MUR NI45BAPR00000013000003558124 ' +
  'NL91ABNA0417164300 NO9386011117947 OM810180000001299123456 PK36SCBL0000001123456702 PL61109010140000071219812874 PS92PALS000000000400123456702 ' +
  'PT50000201231234567890154 QA58DOHB00001234567890ABCDEFG RO49AAAA1B31007593840000 RS35260005601001611379 RU0304452522540817810538091310419 ' +
  'SA0380000000608010167519 SC18SSCB11010000000000001497USD SD2129010501234001 SE4550000000058398257466 SI56263300012039086 SK3112000000198742637541 ' +
  'SM86U0322509800000000270100 SO211000001001000100141 ST23000100010051845310146 SV62CENR00000000000000700025 TL380080012345678910157 TN5910006035183598478831 ' +
  'TR330006100519786457841326 UA213223130000026007233566001 VA59001123000012345678 VG96VPVG0000012345678901 XK051212012345678906 YE15CBYE0001018861234567891234'
).split(' ')

test('IBAN: an example of every registered country is found, alone and in groups', () => {
  for (const account of accounts) {
    assert.deepEqual(found(account, detectors.iban), [`IBAN ${account}`])
    const grouped = account.replaceAll(/(.{4})(?=.)/g, '$1 ')
    assert.deepEqual(found(`to ${grouped}.`, detectors.iban), [`IBAN ${grouped}`])
  }
  assert.equal(new Set(accounts.map((account) => account.slice(0, 2))).size, 88)
})

/** How many of 10,000 numbers with one other character are found all the same. */
function nearMisses(detector: Detector, numbers: readonly string[], alphabets: readonly string[], from = 0): number {
  const dice = new Dice(11)
  let right = 0
  for (let count = 0; count < 10_000; count++) {
    const number = dice.one(numbers)
    const place = from + dice.below(number.length - from)
    const character = number.charAt(place)
    const alphabet = alphabets.find((each) => each.includes(character)) ?? character
    const other = alphabet.charAt((alphabet.indexOf(character) + 1 + dice.below(Math.max(1, alphabet.length - 1))) % alphabet.length)
    if (other === character) continue
    if (scan(number.slice(0, place) + other + number.slice(place + 1), detector).length > 0) right++
  }
  return right
}

const digits = '0123456789'
const capitals = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

test('IBAN: of 10,000 with one other character none is found', () => {
  assert.equal(nearMisses(detectors.iban, accounts, [digits, capitals], 4), 0)
})

// Published test numbers of the schemes and of payment services.
const cards: readonly string[] = (
  '4111111111111111 4012888888881881 4222222222222 4242424242424242 4000056655665556 5555555555554444 5105105105105100 2223003122003222 2720994326581252 ' +
  '378282246310005 371449635398431 378734493671000 6011111111111117 6011000990139424 6011981111111113 30569309025904 38520000023237 36227206271667 ' +
  '3530111333300000 3566002020360505 6200000000000005 6200000000000047 6205500000000000004 6759649826438453 6799990100000000019 5000550000000029 6304000000000000'
).split(' ')

test('CARD: published test numbers are found', () => {
  for (const card of cards) assert.deepEqual(found(`card ${card}.`, detectors.card), [`CARD ${card}`])
})

test('CARD: of 10,000 with one other digit none is found', () => {
  assert.equal(nearMisses(detectors.card, cards, [digits]), 0)
})

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const bech32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

test('CRYPTO_ADDRESS: published addresses are found, of 10,000 with one other character none', () => {
  // Base58Check, BIP 173 and BIP 350; Bitcoin, Litecoin, Dogecoin, Dash, Tron, Cardano, Cosmos.
  const checked = [
    '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
    '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2',
    '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy',
    '3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX',
    'LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1',
    'TJRabPrwbZy45sbavfcjinPJC18kjpRTv8',
  ]
  const segwit = [
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0',
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
    'ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9',
  ]
  for (const address of [...checked, ...segwit, 'BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4'])
    assert.deepEqual(found(`to ${address}, now`, detectors.cryptoAddress), [`CRYPTO_ADDRESS ${address}`])
  // The examples of EIP-55.
  for (const address of [
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0x52908400098527886E0F7030069857D2E4169EE7',
  ])
    assert.deepEqual(found(address, detectors.cryptoAddress), [`CRYPTO_ADDRESS ${address}`])
  assert.equal(nearMisses(detectors.cryptoAddress, checked, [base58], 1), 0)
  assert.equal(nearMisses(detectors.cryptoAddress, segwit, [bech32], 4), 0)
})

test('VIN: with a right check digit it is found alone; of 10,000 with one other character one in eleven may have another right one', () => {
  const vehicles = ['1HGCM82633A004352', '1M8GDM9AXKP042788']
  for (const vin of vehicles) assert.deepEqual(found(vin, detectors.vin), [`VIN ${vin}`])
  assert.ok(nearMisses(detectors.vin, vehicles, [digits, 'ABCDEFGHJKLMNPRSTUVWXYZ']) < 1_300)
  for (const vin of ['1HGCM82633A00435I', '1HGCM82633A00435', '1HGCM82633A0043522', '1HGCM82633AO04352'])
    assert.deepEqual(found(vin, detectors.vin), [])
})

test('IMEI and IP_ADDRESS: of 10,000 near misses none is found', () => {
  assert.equal(nearMisses(detectors.imei, ['49-015420-323751-8', '35-209900-176148-1'], [digits]), 0)
  const dice = new Dice(3)
  for (let count = 0; count < 10_000; count++) {
    const parts = Array.from({ length: 4 }, () => String(10 + dice.below(246)))
    parts[dice.below(4)] = String(256 + dice.below(744))
    assert.deepEqual(scan(`from ${parts.join('.')}`, detectors.ipAddress), [])
  }
})

// ITU-T E.164, country codes and codes of global services, November 2023.
const codes =
  '1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 ' +
  '222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 ' +
  '264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423 ' +
  '500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 ' +
  '800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998'

test('PHONE: numbers of every country code are found behind a plus sign, of some length', () => {
  for (const code of codes.split(' ')) {
    const lengths = Array.from({ length: 10 }, (_, index) => index + 4).filter((length) => {
      const number = `+${code}${'2345678923456'.slice(0, length)}`
      return found(`it is ${number}, yes`, detectors.phone)[0] === `PHONE ${number}`
    })
    assert.ok(lengths.length > 0, code)
  }
})
