import { alphanumeric, classOf, digit, lower, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const bech32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const longest = 110

function pairs([first, seconds]: readonly [string, string]): string[] {
  return [...seconds].map((second) => first + second)
}

/** Addresses of Bitcoin, Litecoin, Dogecoin, Dash, Tron (Base58Check), Bitcoin, Litecoin, Cardano, Cosmos (BIP 173, BIP 350), Ethereum. Checksums are checked but for Ethereum's. */
export const cryptoAddress: Recognizer = {
  types: ['CRYPTO_ADDRESS'],
  // Of Base58Check by the second characters that their versions can have: Bitcoin, Litecoin, Dogecoin, Dash, Tron.
  openings: [
    ...['bc1', 'BC1', 'ltc', 'LTC', 'tb1', '0x', 'add', 'sta', 'cos'],
    ...Object.entries({
      1: '123456789ABCDEFGHJKLMNPQ',
      3: '123456789ABCDEFGHJKLMNPQR',
      L: 'KLMNPQRSTUVWXYZabcdef',
      M: '789ABCDEFGHJKLMNPQRSTUV',
    }).flatMap(pairs),
    ...Object.entries({ T: '9ABCDEFGHJKLMNPQRSTUVWXYZ', D: '56789ABCDEFGHJKLMNPQRSTU', X: 'abcdefghijkmnopqrstuvwxyz' }).flatMap(pairs),
  ],
  unlessAfter: alphanumeric | underscore,
  maxLength: longest,
  look(glance, at) {
    const end = endOfWord(glance, at)
    const length = end - at
    if (length < 26 || length > longest) return
    const word = glance.slice(at, end)
    if (isEthereum(word) || isSegwit(word) || isBase58Check(word)) glance.found('CRYPTO_ADDRESS', at, end, 0.95)
  },
}

function endOfWord(glance: Glance, at: number): number {
  const first = glance.at(at)
  // By the kinds: Base58Check, Ethereum, Bech32.
  const most = 'bBlLtasc'.includes(String.fromCharCode(first)) ? longest : first === 48 ? 42 : 35
  let end = at
  while (end <= at + most && (classOf(glance.at(end)) & alphanumeric) !== 0) end++
  return end > at + most || (classOf(glance.at(end)) & underscore) !== 0 ? at : end
}

function isEthereum(word: string): boolean {
  return word.length === 42 && /^0x[0-9a-fA-F]{40}$/.test(word) && !/^0x(?:0{30}|(.)\1{39}$)/.test(word)
}

/** BIP 173 and BIP 350: the polynomial of the human-readable part and the data is 1 or 0x2bc830a3. */
function isSegwit(word: string): boolean {
  const text = word.toLowerCase()
  if (text !== word && text.toUpperCase() !== word) return false
  const prefix = /^(?:bc|tb|ltc|addr|stake|cosmos)1/.exec(text)?.[0].slice(0, -1)
  if (prefix === undefined) return false
  const values = [...[...prefix].map((character) => character.charCodeAt(0) >> 5), 0, ...[...prefix].map((character) => character.charCodeAt(0) & 31)]
  for (const character of text.slice(prefix.length + 1)) values.push(bech32.indexOf(character))
  let sum = 1
  for (const value of values) {
    if (value < 0) return false
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries()) if ((top >>> bit) & 1) sum ^= generator
  }
  return sum === 1 || sum === 0x2bc830a3
}

/** Twenty-five bytes, of which the last four are those of a double SHA-256 of the others. */
function isBase58Check(word: string): boolean {
  if (word.length < 26 || word.length > 35 || !mixed(word)) return false
  const bytes = new Uint8Array(25)
  for (const character of word) {
    let carry = base58.indexOf(character)
    if (carry === -1) return false
    for (let index = 24; index >= 0; index--) {
      carry += (bytes[index] ?? 0) * 58
      bytes[index] = carry & 255
      carry >>= 8
    }
    if (carry > 0) return false
  }
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  // Where nothing can hash at once, the form has to do: rather one too many.
  if (crypto === undefined) return true
  const first = crypto.createHash('sha256').update(bytes.subarray(0, 21)).digest()
  const second = crypto.createHash('sha256').update(first).digest()
  return second.subarray(0, 4).every((byte, index) => byte === bytes[21 + index])
}

// Before any arithmetic: digits and both cases.
function mixed(word: string): boolean {
  let seen = 0
  for (let index = 0; index < word.length; index++) seen |= classOf(word.charCodeAt(index))
  return (seen & digit) !== 0 && (seen & lower) !== 0
}
