import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isHarmless, run } from './made-log.ts'
import { type Folder, folder, policy } from './policy-folder.ts'

describe('sallyport policy check', () => {
  let here: Folder
  before(async () => void (here = await folder()))
  after(() => here.remove())

  it('exits 0 for a policy that loads, and says what is in it', async () => {
    const { code, out } = await run('policy', 'check', await here.write('policy.json', policy))
    assert.equal(code, 0)
    assert.equal(
      out,
      [
        'The policy loads: support, version 7.',
        '  rules        3: 2 permits, 1 forbid',
        '  attributes   1 declared',
        '  obligations  max_output_tokens',
      ].join('\n'),
    )
  })

  it('notes what loads and may not be meant', async () => {
    const rules = [
      { id: 'all', effect: 'permit', when: { 'context.typo': { eq: 1 } } },
      { id: 'over', effect: 'permit', action: 'chat', expires: '2020-01-01T00:00:00Z', obligations: [{ type: 'sing' }] },
    ]
    const path = await here.write('odd.json', { id: 'p', version: '1', roles: { idle: { inherits: 'nobody' } }, rules })
    const { code, out } = await run('policy', 'check', path, '--json')
    assert.equal(code, 0)
    const { ok, notes } = JSON.parse(out)
    assert.deepEqual([ok, notes.map((note: { code: string }) => note.code)], [true, ['undeclared', 'unscoped', 'expired', 'unclaimed', 'idle_role']])
    assert.match((await run('policy', 'check', path)).out, /note {9}rules that have ended: over/)
    const none = await run('policy', 'check', await here.write('none.json', { id: 'p', version: '1', rules: [] }))
    assert.match(none.out, /no rule permits anything/)
  })

  it('exits 1 for what does not load, with the path and the place (A9)', async () => {
    const rule = { id: 'r', effect: 'permit' }
    for (const [content, problem] of [
      [{ ...policy, rules: [{ ...rule, effect: 'allow' }] }, /rules\[0\]\.effect/],
      [{ ...policy, rules: [rule, { ...rule, id: 's', when: { 'context.risk': { matches: '.*' } } }] }, /rules\[1\]\.when/],
      [{ ...policy, rules: [{ ...rule, when: { 'context.rsk': { lt: 1 } } }] }, /context\.rsk/],
      ['{"id":"p","version":"1",\n"rules":[],\n"rules":[]}', /"rules" stands twice in one object, the second time in line 3/],
      ['{"id":"p","version":"1","rules":[', /JSON/],
      ['{"__proto__":{}}', /__proto__|unknown|well/],
      [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, /levels|deep/],
      ['', /JSON/],
    ] as const) {
      const path = await here.write('bad.json', content)
      const { code, out } = await run('policy', 'check', path)
      assert.equal(code, 1, out)
      assert.match(out, /^The policy does not load\./)
      assert.ok(out.includes(`problem      ${path}: `), out)
      assert.match(out, problem)
      const told = JSON.parse((await run('policy', 'check', path, '--json')).out)
      assert.equal(told.ok, false)
      assert.match(told.problem, problem)
    }
  })

  it('shows what a policy says harmlessly', async () => {
    const path = await here.write('loud.json', { ...policy, id: 'a\u001b[2J\u202eb' })
    for (const more of [[], ['--json']]) {
      assert.ok(isHarmless(await run('policy', 'check', path, ...more)))
    }
  })

  it('exits 2 when the call is wrong', async () => {
    const path = await here.write('policy.json', policy)
    for (const args of [[], [path, path], [path, '--nonsense'], [here.path('nowhere.json')], [path, '--signed-by', here.path('nowhere')]]) {
      const { code, error } = await run('policy', 'check', ...args)
      assert.equal(code, 2, args.join(' '))
      assert.match(error, /sallyport policy check FILE/)
    }
  })
})
