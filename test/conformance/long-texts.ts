// Run as a process of its own, so that what would take for ever can be ended: sends hostile texts of a megabyte through the
// whole guard. Prints what went through.
import { guardHandler, guardFetch, jwt, masker, detectors, openaiChat, pattern, plainText, policySet, scan } from '../../src/index.ts'
import { chatRequest, chunk, completion, eventResponse } from './chat-payloads.ts'
import { post, vendor } from './served.ts'
import { analyst, chat, issuer, wholeGuard } from './whole-guard.ts'

const megabyte = 1024 * 1024
const seeds = [
  'a.',
  'a@b.',
  '1 ',
  '4111 ',
  '[',
  '{"a":',
  ' ',
  '-----BEGIN PRIVATE KEY-----\n',
  'eyJa.',
  'sk-',
  'DE89 ',
  '+1 (',
  '1.1.1.',
  '\u200b',
  '１',
  '"\\',
]
const done: string[] = []
const filled = (seed: string, length: number): string => seed.repeat(Math.ceil(length / seed.length)).slice(0, length)

const credentials = await analyst()
const base = wholeGuard()
const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText }
const answer = base.protect(() => 'fine', operation)
const echoInPieces = base.protect(async function* (input: string) {
  for (let at = 0; at < input.length; at += 500) yield input.slice(at, at + 500)
}, operation)

for (const seed of seeds) {
  await answer(filled(seed, megabyte), { credentials })
  let length = 0
  for await (const part of await echoInPieces(filled(seed, megabyte / 16), { credentials })) length += part.length
  // What nobody sees is taken out, and nothing is left of it.
  if ((length === 0) !== (seed === '\u200b')) throw new Error('nothing came')
  done.push(`text ${JSON.stringify(seed)}`)
}

// Each of a user's own patterns, whether or not it has a flag, and whether or not it matches anything.
for (const regex of [/x*/, /(?:)/, /$/, /^/, /x*/y, /\b/, /(?=x)/, /[a-z]*/g, /TCK-\d+/, /(?<=a)/]) {
  const own = pattern({ name: 'OWN', regex, maxLength: 64 })
  scan(filled('ax ', megabyte / 16), own)
  const stream = masker({ detect: [own, detectors.all], mode: 'redact' }).stream()
  for (let at = 0; at < 64; at++) stream.push(filled('ax TCK-1 ', 1_000))
  stream.end()
  done.push(`pattern ${regex}`)
}

// Bytes: of a request, of a whole answer, of a stream of events.
const bodies = seeds.flatMap((seed) => [
  filled(seed, megabyte),
  JSON.stringify(chatRequest(filled(seed, megabyte / 8).toWellFormed())),
  JSON.stringify({
    ...chatRequest('x'),
    messages: [
      {
        role: 'assistant',
        tool_calls: [
          { id: 'c', type: 'function', function: { name: 'f', arguments: JSON.stringify({ a: filled(seed, megabyte / 16).toWellFormed() }) } },
        ],
      },
    ],
  }),
])
const handler = guardHandler(base, chat, () => completion('x'), { maxBodyBytes: 8 * megabyte })
for (const body of bodies) await (await handler(post(body, credentials))).text()
done.push('requests')

const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatRequest('x')) }
for (const seed of seeds) {
  const text = filled(seed, megabyte)
  const encoded = new TextEncoder().encode(text)
  const pieces = Array.from({ length: 64 }, (_, index) => encoded.slice((index * encoded.length) / 64, ((index + 1) * encoded.length) / 64))
  const call = (args: string): object =>
    chunk({ delta: { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: args } }] } })
  const deltas = Array.from({ length: 200 }, (_, index) =>
    new TextEncoder().encode(`data: ${JSON.stringify(call(text.slice(index * 1_000, index * 1_000 + 1_000)))}\n\n`),
  )
  for (const respond of [
    () => new Response(encoded, { headers: { 'content-type': 'application/json' } }),
    () => eventResponse(pieces),
    () => eventResponse(deltas),
    () => eventResponse([...'data: x\r\r\n\n:'.repeat(500)].map((character) => new TextEncoder().encode(character))),
  ])
    await (
      await guardFetch(base, { credentials: () => credentials, fetch: vendor(respond).fetch })('https://v.example/v1/chat/completions', init)
    ).text()
  done.push(`answer ${JSON.stringify(seed)}`)
}

// Credentials, addresses and names, at the longest that is looked at and beyond.
const verifier = jwt(issuer.options)
for (const seed of ['.', 'e', 'eyJhIjoxfQ.', '=', 'A', '_', 'é', '\\'])
  for (const length of [8_000, megabyte]) await verifier.verify({ authorization: `Bearer ${filled(seed, length)}` }).catch(() => {})
for (const path of ['/a'.repeat(100_000), `/${'a'.repeat(200_000)}`, `${'/a.'.repeat(50_000)}/chat/completions/`, '//'.repeat(50_000)])
  await (
    await guardFetch(base, { credentials: () => credentials, fetch: vendor(() => new Response()).fetch })(`https://v.example${path}`, init)
  ).text()
const policy = policySet({
  id: 'p',
  rules: Array.from({ length: 2_000 }, (_, index) => ({
    id: `r${index}`,
    effect: 'permit',
    action: [`${'a'.repeat(index % 50)}*`],
    resource: { type: 't' },
  })),
})
for (let asked = 0; asked < 200; asked++)
  policy.evaluate({
    subject: { type: 'user', id: 'x' },
    action: { name: 'a'.repeat(100_000) },
    resource: { type: 't', id: 'a*'.repeat(50_000) },
    context: {},
  })
openaiChat.snapshot(chatRequest('x'))
done.push('names')

console.log(JSON.stringify(done))
