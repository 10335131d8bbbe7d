// What the gateway does, shown over real HTTP. Every step asserts its own result.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { openAnswer, sealRequest } from 'sallyport'
import { storedEntries } from 'sallyport/file'
import { files, type Gateway, origin } from './gateway.ts'
import type { Issuer } from './issuer.ts'

const question = { model: 'small-1', messages: [{ role: 'user' as const, content: 'I am ada@example.org. Whom do I ask?' }] }

/** Runs the tour. Throws where something is not as it should be. */
export async function tour({ url, log, keys }: Gateway, { tokens }: Issuer): Promise<void> {
  const client = (token: string) => new OpenAI({ apiKey: token, baseURL: `${url}/v1`, maxRetries: 0 })
  const post = (token?: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(question),
    })

  const answer = await client(tokens.analyst).chat.completions.create(question)
  step('an answer, masked on the way in and out', answer.choices[0]?.message.content ?? '')
  assert.match(answer.choices[0]?.message.content ?? '', /I am \[EMAIL\].*write to \[EMAIL\] or ring \[PHONE\]/)

  const parts: string[] = []
  for await (const chunk of await client(tokens.analyst).chat.completions.create({ ...question, stream: true }))
    parts.push(chunk.choices[0]?.delta.content ?? '')
  step('the same, streamed in pieces of five characters', parts.filter((part) => part !== '').join('|'))
  assert.equal(parts.join(''), answer.choices[0]?.message.content)

  const [publicKey] = (await keys.publicKeys()).keys
  assert.ok(publicKey !== undefined)
  const sealed = await sealRequest(JSON.stringify(question), { publicKey, credential: tokens.analyst, url: `${origin}/v1/chat/completions` })
  const headers = { 'content-type': sealed.contentType, authorization: `Bearer ${tokens.analyst}` }
  const reply = await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: sealed.body })).text()
  const opened = JSON.parse(await openAnswer(reply, sealed.replyKey)) as typeof answer
  step('the same, sealed both ways', `${reply.slice(0, 60)}… opens as: ${opened.choices[0]?.message.content}`)
  assert.equal(opened.choices[0]?.message.content, answer.choices[0]?.message.content)

  const expired = await post(tokens.expired)
  step('an expired token', `${expired.status} ${expired.headers.get('www-authenticate')}`)
  assert.equal(expired.status, 401)

  const denied = await post(tokens.guest)
  step('an unprivileged caller', `${denied.status} ${await denied.text()}`)
  assert.equal(denied.status, 403)
  // The client makes its own typed error of it, after one attempt.
  await assert.rejects(client(tokens.guest).chat.completions.create(question), OpenAI.PermissionDeniedError)
  step('why, as the log knows and the caller does not', await decidingRule())

  let limited = await post(tokens.busy)
  for (let count = 0; limited.status === 200 && count < 20; count++) limited = await post(tokens.busy)
  step('a caller in a hurry', ['retry-after', 'ratelimit', 'ratelimit-policy'].map((name) => `${name}: ${limited.headers.get(name)}`).join('; '))
  assert.equal(limited.status, 429)

  await log.checkpoint()
  const whole = sallyport('audit', 'verify', files.log, '--key', files.key, '--anchor', files.anchor)
  step('sallyport audit verify', whole.output)
  assert.equal(whole.status, 0)

  const copy = await tamperedCopy()
  const changed = sallyport('audit', 'verify', copy, '--key', files.key, '--anchor', files.anchor)
  await rm(copy, { recursive: true })
  step('the same over a copy with one byte changed', changed.output)
  assert.equal(changed.status, 1)
}

function step(what: string, shown: string): void {
  console.log(`\n  ${what}\n    ${shown.trimEnd().replaceAll('\n', '\n    ')}`)
}

async function decidingRule(): Promise<string> {
  let found = 'no refusal by a rule'
  for await (const { text } of storedEntries(files.log)) {
    const record = JSON.parse(text) as { kind: string; allowed?: boolean; rules?: { rule: string; effect: string }[] }
    if (record.kind === 'decision' && record.allowed === false && record.rules?.[0] !== undefined)
      found = `${record.rules[0].effect} by '${record.rules[0].rule}'`
  }
  assert.equal(found, "forbid by 'guests-never-chat'")
  return found
}

function sallyport(...args: string[]): { status: number | null; output: string } {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', main, ...args], {
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

async function tamperedCopy(): Promise<string> {
  const copy = join(await mkdtemp(join(tmpdir(), 'gateway-')), 'audit')
  await cp(files.log, copy, { recursive: true, preserveTimestamps: true })
  const folder = join(copy, 'tile', 'entries')
  const found = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  // The newest: what a partial bundle of an earlier checkpoint says nobody reads any more.
  const times = await Promise.all(
    found.map(async ({ parentPath, name }) => ({ path: join(parentPath, name), at: (await stat(join(parentPath, name))).mtimeMs })),
  )
  const { path } = times.sort((one, other) => other.at - one.at)[0] ?? { path: folder }
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  await writeFile(path, bytes)
  return copy
}
