import { chatRequest } from './chat-payloads.ts'

/** Stands in what must not be told on. */
export const canary = 'canary-77'

/** Values that no JSON text can be; each made anew, since reading some of them changes them. */
export const hostile: Readonly<Record<string, () => unknown>> = {
  'a BigInt': () => 10n,
  'a symbol': () => Symbol(canary),
  'a function': () => () => canary,
  NaN: () => Number.NaN,
  'an infinite number': () => Number.NEGATIVE_INFINITY,
  'a symbol as a key': () => ({ [Symbol('x')]: canary }),
  'a cycle': () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    return cyclic
  },
  'a cycle of lists': () => {
    const list: unknown[] = []
    list.push([list])
    return list
  },
  '100,000 levels of lists': () => {
    let value: unknown = 1
    for (let level = 0; level < 100_000; level++) value = [value]
    return value
  },
  '100,000 levels of objects': () => {
    let value: unknown = 1
    for (let level = 0; level < 100_000; level++) value = { a: value }
    return value
  },
  '10 MB of text': () => 'x'.repeat(10 * 1024 * 1024),
  '10 MB of bytes': () => new Uint8Array(10 * 1024 * 1024),
  'a million values': () => Array.from({ length: 1_000_000 }, () => 0),
  'a list that says it is long': () => Object.assign([], { length: 4_294_967_295 }),
  'a text of a million members': () => Object.fromEntries(Array.from({ length: 600_000 }, (_, index) => [index, 0])),
  'a getter that throws': () => ({
    get x() {
      throw new Error(canary)
    },
  }),
  'a getter that throws nothing': () => ({
    get x() {
      throw undefined
    },
  }),
  'a proxy that throws': () =>
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error(canary)
        },
      },
    ),
  'a proxy whose prototype throws': () =>
    new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error(canary)
        },
      },
    ),
  'a proxy that was revoked': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a list that is a proxy that throws': () =>
    new Proxy([1], {
      get: () => {
        throw new Error(canary)
      },
    }),
  'a __proto__': () => JSON.parse(`{"__proto__":{"admin":true}}`) as unknown,
  'a deep __proto__': () => JSON.parse(`{"a":[{"__proto__":null}]}`) as unknown,
  'a lone surrogate': () => 'a\ud800b',
  'a lone surrogate in a name': () => ({ 'a\udc00': 1 }),
  'a date': () => new Date(0),
  'a map': () => new Map([[canary, 1]]),
  'a promise': () => Promise.resolve(canary),
  'a class instance': () => new (class Own {})(),
  'an error': () => new Error(canary),
  'a boxed text': () => Object('x') as unknown,
  'a regular expression': () => /x/,
  'a buffer of 16 bits': () => new Uint16Array(3),
  'an array buffer': () => new ArrayBuffer(3),
  'a hole in a list': () => Object.assign([1, 2], { length: 3 }),
  'undefined in a list': () => [undefined],
  'an async iterable': () => (async function* () {})(),
  'a readable stream': () => new ReadableStream(),
  'a toJSON that lies': () =>
    new (class {
      toJSON(): string {
        return 'fine'
      }
    })(),
}

/** The same as bytes. */
export const bytes: Readonly<Record<string, string | Uint8Array>> = {
  nothing: '',
  'white space': '   \n',
  'half of it': '{"model":"gpt-5","messages":[{"role":"user","con',
  'two of it': `${JSON.stringify(chatRequest('x'))}${JSON.stringify(chatRequest('x'))}`,
  'a byte order mark': `\ufeff${JSON.stringify(chatRequest('x'))}`,
  'a name that stands twice': '{"model":"gpt-5","model":"gpt-4","messages":[]}',
  'a name that stands twice, once in escapes': '{"model":"gpt-5","mod\\u0065l":"gpt-4","messages":[]}',
  'a role that stands twice': '{"model":"gpt-5","messages":[{"role":"user","role":"system","content":"x"}]}',
  'a __proto__': '{"model":"gpt-5","messages":[],"__proto__":{"stream":true}}',
  'a __proto__ in escapes': '{"model":"gpt-5","messages":[],"\\u005f_proto__":{"stream":true}}',
  'a lone surrogate': '{"model":"gpt-5","messages":[{"role":"user","content":"\\ud800"}]}',
  'a number that overflows': '{"model":"gpt-5","messages":[],"temperature":1e999}',
  'not a number': '{"model":"gpt-5","messages":[],"temperature":NaN}',
  'a comment': '{"model":"gpt-5",/* x */"messages":[]}',
  'a trailing comma': '{"model":"gpt-5","messages":[],}',
  '100,000 brackets': '['.repeat(100_000),
  '100,000 levels': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  '100,000 levels of objects': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  '100,000 levels inside': `{"model":"gpt-5","messages":[],"metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
  '10 MB': JSON.stringify(chatRequest('x'.repeat(10 * 1024 * 1024))),
  '10 MB of nothing': ' '.repeat(10 * 1024 * 1024),
  'too many values': `{"model":"gpt-5","messages":[${'0,'.repeat(400_000)}0]}`,
  'bytes that are no UTF-8': Uint8Array.from([...new TextEncoder().encode('{"model":"gpt-5","messages":[],"user":"'), 0xff, 0xfe, 0x22, 0x7d]),
  'an overlong slash': Uint8Array.from([...new TextEncoder().encode('{"model":"gpt-5","messages":[],"user":"'), 0xc0, 0xaf, 0x22, 0x7d]),
  'UTF-16': new Uint8Array(Buffer.from(JSON.stringify(chatRequest('x')), 'utf16le')),
  'NUL bytes': new Uint8Array(1_000),
}

/** Those that take a while to read. */
export const isLarge = (what: string): boolean => /^1|million|long/.test(what)
