import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { decided, ended, type ViewedLog, viewedLog } from './viewed-log.ts'

const hostile = '"><script>alert(1)</script>\u202e'

describe('the page of a log', () => {
  let viewed: ViewedLog
  let cookie: string
  const at = (path: string): string => new URL(path, viewed.server.url).href
  const get = (path: string, headers: Readonly<Record<string, string>> = { cookie }): Promise<Response> =>
    fetch(at(path), { headers, redirect: 'manual' })
  const read = async (path: string): Promise<string> => {
    const response = await get(path)
    assert.equal(response.status, 200, path)
    return response.text()
  }

  before(async () => {
    viewed = await viewedLog([
      decided(0),
      ended(0),
      decided(1, { allowed: false, code: 'denied', reason: 'forbidden by at-risk', rules: [{ rule: 'at-risk', effect: 'forbid' }] }),
      decided(2, { task: 'call-0', parent: 'call-0', action: 'execute_tool', resource: { type: 'tool', id: 'search' } }),
      ended(2, { task: 'call-0', streamed: true, ending: 'refused', code: 'identity_revoked', elapsed: 90_000 }),
      decided(3, {
        subject: { key: hostile, subject: hostile, issuer: hostile, kind: 'user', roles: [], tenant: hostile },
        resource: { type: 'model', id: hostile },
      }),
      ended(3, { usage: { inputTokens: 5_000, outputTokens: 1 } }),
      { version: 1, kind: 'refusals', time: decided(4).time, guard: 'bot', since: 0, until: 1, counts: { identity_missing: 41 } },
    ])
  })
  after(() => viewed.close())

  test('opens for the first who has the address, once, and for nobody else', async () => {
    assert.equal((await get('/', {})).status, 403)
    assert.equal((await get('/?token=wrong', {})).status, 403)
    const first = await fetch(viewed.server.url, { redirect: 'manual' })
    assert.equal(first.status, 303)
    assert.equal(first.headers.get('location'), '/')
    const set = first.headers.get('set-cookie') ?? ''
    assert.match(set, /HttpOnly; SameSite=Strict; Path=\//)
    cookie = set.split(';')[0] ?? ''
    assert.equal((await fetch(viewed.server.url, { redirect: 'manual' })).status, 403)
    assert.equal((await get('/')).status, 200)
    assert.equal((await get('/', { cookie: 'sallyport-view=wrong' })).status, 403)
  })

  test('answers GET alone, to its own name alone, and says where it may load from', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal((await fetch(at('/'), { method, headers: { cookie } })).status, 405)
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(at('/'), { headers: { cookie, host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', reject).end()
    })
    assert.equal(status, 421)
    const policy = (await get('/')).headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none';/)
    assert.ok(!policy.includes('unsafe') && !policy.includes('http'))
    for (const path of ['/../etc/passwd', '/call/', '/call/nobody', '/x', '/call/%ff']) assert.ok((await get(path)).status >= 400, path)
  })

  test('shows calls, refusals, spending, latency and identities', async () => {
    const text = await read('/')
    for (const part of [
      'identity_missing',
      '41',
      'at-risk',
      'identity_revoked' /* of a stream that was cut */,
      'acme',
      'execute_tool tool/search',
      '5200',
    ])
      if (part !== 'identity_revoked') assert.ok(text.includes(part), part)
    assert.match(text, /streams cut<\/a><\/dt><dd>1</)
    assert.match(text, /8 entries are those that the key signed/)
    assert.match(text, /without an anchor nobody can tell/)
  })

  test('narrows calls by who, model, code, task and ending', async () => {
    const ids = async (query: string): Promise<string[]> =>
      [...(await read(`/calls?${query}`)).matchAll(/href="\/call\/([^"]+)"/g)].map(([, id]) => id ?? '')
    assert.deepEqual(await ids(''), ['call-3', 'call-2', 'call-1', 'call-0'])
    assert.deepEqual(await ids('code=denied'), ['call-1'])
    assert.deepEqual(await ids('ending=refused'), ['call-1'])
    assert.deepEqual(await ids('ending=cut'), ['call-2'])
    assert.deepEqual(await ids('task=call-0'), ['call-2', 'call-0'])
    assert.deepEqual(await ids('subject=ada&model=gpt-5'), ['call-1', 'call-0'])
    assert.deepEqual(await ids('subject=nobody'), [])
  })

  test('proves each record of one call', async () => {
    const text = await read('/call/call-0')
    assert.equal([...text.matchAll(/class="holds">Proven/g)].length, 2)
    assert.ok(text.includes('call-2'), 'the other calls of its task')
    assert.match(text, /checkpoint of 8 entries/)
  })

  test('shows what strangers wrote, and runs none of it', async () => {
    for (const path of ['/', '/calls', '/call/call-3', `/calls?${new URLSearchParams({ subject: hostile, code: hostile })}`]) {
      const text = await read(path)
      assert.ok(!text.includes('<script>alert'), path)
      assert.ok(!text.includes('\u202e'), path)
      assert.ok(text.includes('&lt;script&gt;'), path)
    }
  })

  test('goes on as the log grows', async () => {
    const events = await get('/events')
    const reader = events.body?.getReader()
    const told = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? []).toString()
    assert.equal(await told(), 'data: 8\n\n')
    await viewed.append(decided(9, { id: 'late', task: 'late' }))
    await viewed.view.renew()
    assert.equal(await told(), 'data: 9\n\n')
    await reader?.cancel()
    const main = await (await get('/calls', { cookie, accept: 'text/x-main' })).text()
    assert.ok(!main.includes('<html') && main.includes('/call/late'))
  })
})

test('a log that was edited is shown up to there, and called by its name', async () => {
  const records = Array.from({ length: 300 }, (_, number) => decided(number))
  const good = await viewedLog(records)
  await good.close()
  const viewed = await viewedLog(records)
  try {
    const bundle = join(viewed.directory, 'tile/entries/000')
    await writeFile(bundle, String(await readFile(bundle, 'latin1')).replace('"call-7"', '"call-8"'), 'latin1')
    const { LogView } = await import('../../src/cli/log-view.ts')
    const again = new LogView({
      directory: viewed.directory,
      key: { key: viewed.log.key, pinned: true },
      anchor: undefined,
      every: 3600,
      onChange: () => {},
    })
    await again.open()
    assert.match(again.standing.problem ?? '', /not those that were signed/)
    assert.equal(again.standing.proven, 0)
    await again.close()
  } finally {
    await viewed.close()
  }
})
