import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { isHarmless, run } from './made-log.ts'
import { asked, type Folder, folder, policy } from './policy-folder.ts'

const allowed = { name: 'readers chat', request: asked, expect: 'allow' }

describe('sallyport policy test', () => {
  let here: Folder
  let path: string
  before(async () => {
    here = await folder()
    path = await here.write('policy.json', policy)
  })
  after(() => here.remove())
  const test = async (tests: unknown, ...more: string[]) => {
    await here.write('policy.tests.json', tests)
    return run('policy', 'test', path, ...more)
  }

  it('exits 0 when all tests hold, which it finds beside the policy or where it is told', async () => {
    const tests = [
      { ...allowed, rules: ['readers-chat'], obligations: ['max_output_tokens'] },
      { ...allowed, name: 'whole', obligations: [{ value: 100, type: 'max_output_tokens' }] },
      { name: 'at risk', request: { ...asked, context: { risk: 1 } }, expect: 'deny', rules: ['at-risk'] },
      { name: 'nobody trains', request: { ...asked, action: { name: 'train' } }, expect: 'deny', rules: [] },
    ]
    assert.deepEqual(await test(tests), { code: 0, out: 'All 4 tests hold.', error: '', written: '' })
    assert.equal((await run('policy', 'test', path, '--tests', await here.write('elsewhere.json', tests))).code, 0)
    const { ok, tests: told } = JSON.parse((await test(tests, '--json')).out)
    assert.deepEqual([ok, told.length, told[0]], [true, 4, { name: 'readers chat', ok: true }])
  })

  it('tests the duties of a denial as well', async () => {
    const rules = [...policy.rules.slice(0, 2), { ...policy.rules[2], obligations: [{ type: 'require_acr', value: 'phr' }] }]
    const own = await here.write('step-up.json', { ...policy, rules })
    const atRisk = { name: 'at risk', request: { ...asked, context: { risk: 1 } }, expect: 'deny' }
    for (const [obligations, code] of [
      [['require_acr'], 0],
      [[], 1],
      [['require_binding'], 1],
    ] as const) {
      const tests = await here.write('step-up.tests.json', [{ ...atRisk, obligations }])
      assert.equal((await run('policy', 'test', own, '--tests', tests)).code, code)
    }
  })

  it('exits 1 when one does not hold, and says what was expected and why it is not so', async () => {
    for (const [wrong, problem] of [
      [{ ...allowed, expect: 'deny' }, 'it must be denied, and it is not'],
      [{ ...allowed, request: { ...asked, action: { name: 'train' } } }, 'it must be permitted, and it is not'],
      [{ ...allowed, rules: ['admins'] }, "'admins' must decide, and 'readers-chat' does"],
      [{ ...allowed, obligations: ['no_stream'] }, 'the duty "no_stream" must come with it'],
      [{ ...allowed, obligations: [] }, 'comes with it, and must not'],
      [{ ...allowed, obligations: [{ type: 'max_output_tokens', value: 99 }] }, 'must come with it, and does not'],
    ] as const) {
      const { code, out } = await test([{ ...allowed, name: 'good' }, wrong])
      assert.equal(code, 1)
      assert.match(out, /^failed {2}readers chat\n/)
      assert.ok(out.includes(problem), out)
      assert.match(out, /1 of 2 tests do not hold\.$/)
      const told = JSON.parse((await test([wrong], '--json')).out)
      assert.equal(told.ok, false)
      assert.ok(told.tests[0].problems.some((each: string) => each.includes(problem)))
    }
  })

  it('exits 1 for tests that are none, with the path and the place: a test that is not run must not pass', async () => {
    for (const [tests, problem] of [
      [{}, /policy\.tests\.json: must be a list/],
      [[], /holds no test/],
      [[allowed, allowed], /\[1\]\.name: 'readers chat' is the name of another test/],
      [[{ ...allowed, expect: 'permit' }], /\[0\]\.expect: must be 'allow' or 'deny'/],
      [[{ ...allowed, expects: 'deny' }], /unknown member 'expects'/],
      [[{ ...allowed, name: '' }], /\[0\]\.name/],
      [[{ ...allowed, rules: 'r' }], /\[0\]\.rules/],
      [[{ ...allowed, obligations: [1] }], /\[0\]\.obligations/],
      [[{ ...allowed, request: {} }], /\[0\]\.request: has no subject/],
      ['[', /policy\.tests\.json: /],
    ] as const) {
      const { code, error } = await test(tests)
      assert.equal(code, 1)
      assert.match(error, problem)
    }
  })

  it('runs the tests that the guide shows, against its policy', async () => {
    const page = await readFile(new URL('../../docs/policy-life-cycle.md', import.meta.url), 'utf8')
    const [shown = '', tests = ''] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text)
    const told = await here.write('shown.json', shown)
    await here.write('shown.tests.json', tests)
    assert.equal((await run('policy', 'check', told)).code, 0)
    assert.deepEqual(await run('policy', 'test', told), { code: 0, out: 'All 2 tests hold.', error: '', written: '' })
  })

  it('shows names harmlessly and no values', async () => {
    const said = await test([{ ...allowed, name: 'a\u001b[2J', request: { ...asked, context: { risk: 'S3CRET' } } }])
    assert.ok(isHarmless(said))
    assert.equal(said.out.includes('S3CRET'), false)
  })

  it('exits 2 when the call is wrong', async () => {
    for (const args of [[], [path, 'more'], [path, '--tests', here.path('nowhere')], [path, '--nonsense']])
      assert.equal((await run('policy', 'test', ...args)).code, 2, args.join(' '))
  })
})
