/** One of each kind that is protected, by the name that stands in its place. */
export const secrets: Readonly<Record<string, string>> = {
  EMAIL: 'ada.lovelace@example.org',
  PHONE: '+48 600 700 800',
  CARD: '4111 1111 1111 1111',
  IBAN: 'DE89 3704 0044 0532 0130 00',
  US_SSN: '536-90-4399',
  IP_ADDRESS: '10.20.30.40',
  API_KEY: 'sk-abcdefghijklmnopqrstuv123456',
  JWT: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
  PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----\nMIIBVQIBADANBgkqhkiG\n-----END PRIVATE KEY-----',
}

/** Every way to cut a text in two, and into pieces of every size. */
export function* cutsOf(text: string): Generator<string[]> {
  for (let at = 1; at < text.length; at++) yield [text.slice(0, at), text.slice(at)]
  for (let size = 1; size <= text.length; size++) yield piecesOf(text, size)
}

/** A text in pieces of one size. */
export function piecesOf(text: string, size: number): string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size))
  return pieces
}
