import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { run } from './made-log.ts'
import { asked, type Folder, folder, policy } from './policy-folder.ts'

describe('sallyport policy explain', () => {
  let here: Folder
  let path: string
  before(async () => {
    here = await folder()
    path = await here.write('policy.json', policy)
  })
  after(() => here.remove())
  const explain = async (request: unknown, ...more: string[]) =>
    run('policy', 'explain', path, '--request', await here.write('request.json', request), ...more)

  it('exits 0 for what is permitted, and names the rule and its duties', async () => {
    const { code, out } = await explain(asked)
    assert.equal(code, 0)
    assert.match(out, /^Permitted by support, version 7\.\n {2}permit {2}readers-chat\n {2}duty {4}\{"type":"max_output_tokens","value":100\}/)
  })

  it('exits 1 for what is denied: by a rule, or by none, then with what came nearest', async () => {
    const forbidden = await explain({ ...asked, context: { risk: 0.95 } })
    assert.equal(forbidden.code, 1)
    assert.match(forbidden.out, /^Denied by support, version 7\.\n {2}forbid {2}at-risk/)
    const unknown = await explain({ ...asked, action: { name: 'train' } })
    assert.equal(unknown.code, 1)
    assert.match(unknown.out, /No rule permits it\.[\s\S]*Permits that came nearest:[\s\S]*readers-chat/)
    assert.equal(JSON.parse((await explain({ ...asked, action: { name: 'train' } }, '--json')).out).decision.allowed, false)
  })

  it('shows values only where that is asked for', async () => {
    const secret = { ...asked, context: { risk: 'S3CRET' } }
    for (const more of [[], ['--json']]) assert.equal((await explain(secret, ...more)).out.includes('S3CRET'), false)
    assert.ok((await explain(secret, '--values')).out.includes('S3CRET'))
  })

  it('exits 1 for a request that is none, with the path and the place', async () => {
    for (const [request, problem] of [
      [{ ...asked, subject: { type: 'user' } }, /request\.json\.subject: has no id/],
      [{ ...asked, subjekt: {} }, /has an unknown member 'subjekt'/],
      [{ ...asked, action: { name: '' } }, /action\.name: must be a text that is not empty/],
      [{ ...asked, context: [] }, /context: must be an object/],
      [[], /must be an object/],
      ['{', /request\.json: /],
    ] as const) {
      const { code, error } = await explain(request)
      assert.equal(code, 1)
      assert.match(error, problem)
    }
  })

  it('exits 1 for a policy that does not load, and 2 when the call is wrong', async () => {
    const request = await here.write('request.json', asked)
    const bad = await run('policy', 'explain', await here.write('bad.json', {}), '--request', request)
    assert.equal(bad.code, 1)
    assert.match(bad.error, /bad\.json: /)
    for (const args of [[], [path], [path, '--request'], [path, '--request', here.path('nowhere')], [path, path, '--request', request]])
      assert.equal((await run('policy', 'explain', ...args)).code, 2, args.join(' '))
  })
})
