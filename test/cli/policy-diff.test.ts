import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { recorder, requestOf } from '../access-review/recorded.ts'
import { isHarmless, type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'
import { type Folder, folder, policy } from './policy-folder.ts'

describe('sallyport policy diff', () => {
  let here: Folder
  let made: MadeLog
  let path: string
  let trusted: readonly string[]
  before(async () => {
    here = await folder()
    path = await here.write('policy.json', policy)
    const record = recorder(policy)
    const ada = (action: string, model = 'gpt-5') => requestOf('ada', ['reader'], action, model, { context: { risk: 0 } })
    made = await madeLog([
      await record(ada('chat')),
      await record(ada('chat')),
      await record(ada('embeddings', 'gpt-\u001b[2J')),
      await record(ada('train')),
    ])
    trusted = ['--log', made.log, '--key', made.verifierKeyFile, '--anchor', made.anchor]
  })
  after(async () => {
    await here.remove()
    await made.remove()
  })
  const other = async (change: (rules: typeof policy.rules) => unknown) =>
    here.write('other.json', { ...policy, version: '8', rules: change(policy.rules) })

  it('exits 0 where nothing changes', async () => {
    const { code, out } = await run('policy', 'diff', path, await other((rules) => [...rules].reverse()), ...trusted)
    assert.equal(code, 0, out)
    assert.match(out, /^support 7 against support 8: 4 decisions, 4 the same\./)
  })

  it('exits 1 and lists every decision that would change, like with like, the most frequent first', async () => {
    const changed = await other(([first, ...rest]) => [
      { ...first, action: 'embeddings', obligations: undefined },
      { id: 'all-train', effect: 'permit', action: 'train' },
      ...rest,
    ])
    const said = await run('policy', 'diff', path, changed, ...trusted)
    assert.equal(said.code, 1)
    assert.match(said.out, /now permitted {3}1\n {2}now refused {5}2\n {2}other duties {4}1\n/)
    assert.match(said.out, /now refused {2}2 x {2}chat model\/gpt-5\n {4}rules {4}readers-chat -> no rule\n {4}callers {2}ada\n {4}call {5}call-/)
    assert.ok(isHarmless(said))
    const { changes, log } = JSON.parse((await run('policy', 'diff', path, changed, ...trusted, '--json')).out)
    assert.deepEqual([changes.length, changes[0].kind, log.trusted], [3, 'refuses', true])
    assert.match((await run('policy', 'diff', path, changed, ...trusted, '--most', '1')).out, /2 decisions that change are not listed/)
  })

  it('exits 1 where it cannot be told', async () => {
    const changed = await other(([first, ...rest]) => [{ ...first, when: { 'context.risk': { lt: 0.5 } } }, ...rest])
    const { code, out } = await run('policy', 'diff', path, changed, ...trusted)
    assert.equal(code, 1)
    assert.match(out, /cannot be told {2}3[\s\S]*unknown {2}context\.risk/)
  })

  it('exits 1 for a log that does not hold, or cannot be trusted that far, and for one without decisions', async () => {
    const broken = await withOneByteChanged(made, 'tile/entries/000.p/4')
    const changed = await run('policy', 'diff', path, path, '--log', broken, '--key', made.verifierKeyFile, '--unanchored')
    assert.deepEqual([changed.code, changed.out], [1, ''])
    const unpinned = await run('policy', 'diff', path, path, '--log', made.log)
    assert.equal(unpinned.code, 1)
    assert.match(unpinned.error, /cannot be trusted/)
    assert.equal((await run('policy', 'diff', path, path, '--log', made.log, '--no-verify')).code, 0)
    const none = await run('policy', 'diff', path, path, ...trusted, '--to', '2020-01-01')
    assert.equal(none.code, 1)
    assert.match(none.error, /no decision/)
  })

  it('exits 2 when the call is wrong, and 1 for a policy that does not load', async () => {
    for (const args of [
      [],
      [path],
      [path, path],
      [path, path, path, ...trusted],
      [path, path, ...trusted, '--most', '0'],
      [path, here.path('nowhere'), ...trusted],
    ])
      assert.equal((await run('policy', 'diff', ...args)).code, 2, args.join(' '))
    const bad = await run('policy', 'diff', path, await here.write('bad.json', {}), ...trusted)
    assert.equal(bad.code, 1)
    assert.match(bad.error, /bad\.json: /)
  })
})
