import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { run } from './made-log.ts'
import { type Folder, folder } from './policy-folder.ts'

const source = pathToFileURL('src/index.ts').href
const testing = pathToFileURL('src/testing/index.ts').href
const made = `import { audit, authorize, guard, memoryLog, policySet, verifyIdentity } from '${source}'
import { identityOf } from '${testing}'
console.log('{"description":"printed, and not what is asked for"}')
setInterval(() => {}, 1000)
const base = guard({ name: 'support' }).use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
export const main = base.use(authorize({ evaluator: policySet({ id: 'p', version: '1', rules: [{ id: 'all', effect: 'permit' }] }) }))
`

describe('sallyport describe', () => {
  let here: Folder
  before(async () => void (here = await folder()))
  after(() => here.remove())

  it('says what the guard of a module covers and where its gaps are, whatever else the module does', async () => {
    const { code, out } = await run('describe', await here.write('guard.mjs', made))
    assert.equal(code, 0)
    assert.match(out, /^Guard 'support': calls of at most 120 seconds/)
    assert.match(out, /authorize +Policy permits every call by name/)
    assert.match(out, /high +open_permit\n +Permits let every caller do everything: all\./)
  })

  it('exits 1 where a gap is as bad as asked for, and tells it as JSON', async () => {
    const path = await here.write('guard.mjs', made)
    const { code, out } = await run('describe', path, '--json', '--fail-on', 'high')
    assert.equal(code, 1)
    const { guard, gaps } = JSON.parse(out)
    assert.equal(guard, 'support')
    assert.ok(gaps.some((gap: { code: string }) => gap.code === 'open_permit'))
    const quiet = { name: 'q', deadline: 1, codec: 'json', controls: [] }
    assert.equal((await run('describe', await here.write('bad.json', quiet), '--fail-on', 'high')).code, 1)
  })

  it('reads what describe() gave', async () => {
    const description = {
      name: 'saved\u001b[31m',
      deadline: 1_000,
      codec: 'json',
      controls: [{ name: 'authorize', adds: [], fulfills: [], options: {} }],
    }
    const { code, out } = await run('describe', await here.write('guard.json', description))
    assert.equal(code, 0)
    assert.match(out, /saved\\u001b/)
    assert.ok(!out.includes('\u001b'))
  })

  it('chooses among several guards by name', async () => {
    const path = await here.write('two.mjs', `${made}export const other = guard({ name: 'other' })\n`)
    const { code, error } = await run('describe', path)
    assert.equal(code, 1)
    assert.match(error, /exports several guards: say with --export which: main, other/)
    assert.match((await run('describe', path, '--export', 'other')).out, /Guard 'other'/)
    assert.equal((await run('describe', path, '--export', 'nobody')).code, 1)
  })

  it('exits 1 for what describes no guard, and 2 for a wrong call', async () => {
    for (const [name, content] of [
      ['empty.mjs', 'export const x = 1'],
      ['throws.mjs', 'throw new Error("no")'],
      ['leaves.mjs', 'process.exit(0)'],
      ['odd.json', { name: 'x' }],
      ['list.json', [1]],
      ['controls.json', { name: 'x', deadline: 1, codec: 'json', controls: [{ name: 'audit' }] }],
    ] as const)
      assert.equal((await run('describe', await here.write(name, content))).code, 1, name)
    const json = await here.write('guard.json', { name: 'x' })
    for (const args of [[], ['nowhere.mjs'], [json, json], [json, '--fail-on', 'awful'], [json, '--export', 'x'], [json, '--wrong']])
      assert.equal((await run('describe', ...args)).code, 2, args.join(' '))
  })
})
