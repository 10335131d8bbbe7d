import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { main } from '../../src/cli/run.ts'
import { isHarmless, run } from './made-log.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const people =
  'name,age,zip,illness,notes\n"Lovelace, Ada",36,94110,flu,"Ada, ada@example.com\nsays =1"\nBob,31,94117,gout,\nEve,80,10115,flu,call +49 170 1234567\n'
const plan = {
  columns: {
    name: 'drop',
    age: { mode: 'generalize', to: { range: 10 } },
    zip: { mode: 'generalize', to: { prefix: 3 } },
    illness: 'keep',
    notes: 'mask',
  },
  quasiIdentifiers: ['age', 'zip'],
  k: 2,
  sensitive: ['illness'],
  l: 2,
}

describe('sallyport mask', () => {
  let folder: string
  let key: string
  const at = (name: string): string => join(folder, name)
  const file = async (name: string, text: string | Uint8Array): Promise<string> => {
    await writeFile(at(name), text)
    return at(name)
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-mask-'))
    key = await file('mask.key', new Uint8Array(32).fill(9))
    await chmod(key, 0o600)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('masks a text, to where it is read, and says what it found', async () => {
    const text = await file('a.txt', '\ufeffWrite to ada@example.com\nor bob@example.com')
    const { code, written, out, error } = await run('mask', text)
    assert.deepEqual([code, written, out], [0, 'Write to [EMAIL]\nor [EMAIL]', ''])
    assert.match(error, /^Masked .*a\.txt: EMAIL 2\.$/)
    assert.equal((await run('mask', text, '--detect', 'card,secrets')).written, 'Write to ada@example.com\nor bob@example.com')
    const json = await run('mask', text, '--detect', 'email,country:de', '--json')
    assert.deepEqual(JSON.parse(json.error), { found: { EMAIL: 2 } })
  })

  it('masks every value of JSON lines and CSV where there is no plan', async () => {
    const lines = await file('a.jsonl', '{"a":"ada@example.com","b":{"c":4111111111111111}}\n{"a":1}\n')
    assert.equal((await run('mask', lines)).written, '{"a":"[EMAIL]","b":{"c":"[CARD]"}}\n{"a":1}\n')
    const table = await file('a.csv', '\ufeffa,b\r\n"x, ada@example.com",1\r\n')
    assert.equal((await run('mask', table)).written, 'a,b\r\n"x, [EMAIL]",1\r\n')
    const tabs = await file('a.tsv', 'a\tb\nada@example.com\t=1\n')
    assert.equal((await run('mask', tabs, '--escape-formulas')).written, "a\tb\r\n[EMAIL]\t'=1\r\n")
    const nameless = await file('nameless.csv', 'ada@example.com,1\nbob@example.com,2\n')
    const refused = await run('mask', nameless)
    assert.deepEqual([refused.code, refused.written], [1, ''])
    assert.ok(!refused.error.includes('ada@'))
  })

  it('modes that need a key take it from a file of its owner', async () => {
    const text = await file('b.txt', 'ada@example.com')
    for (const mode of ['hash', 'pseudonym', 'surrogate']) {
      assert.equal((await run('mask', text, '--mode', mode)).code, 2)
      const one = await run('mask', text, '--mode', mode, '--key', key)
      assert.equal(one.code, 0)
      assert.ok(!one.written.includes('ada@') && one.written !== '')
      assert.equal((await run('mask', text, '--mode', mode, '--key', key)).written, one.written)
    }
    assert.equal((await run('mask', text, '--mode', 'partial')).written, '***@******e.com')
    const short = await file('short.key', 'x')
    await chmod(short, 0o600)
    assert.equal((await run('mask', text, '--mode', 'hash', '--key', short)).code, 2)
    if (process.platform !== 'win32') {
      const open = await file('open.key', new Uint8Array(32))
      await chmod(open, 0o644)
      assert.equal((await run('mask', text, '--mode', 'hash', '--key', open)).code, 2)
    }
  })

  it('anonymises a data set by a plan, and leaves a file that only its owner reads', async () => {
    const [table, planFile, out] = [await file('people.csv', people), await file('plan.json', JSON.stringify(plan)), at('people.out.csv')]
    const { code, written, out: said, error } = await run('mask', table, '--plan', planFile, '--out', out)
    assert.deepEqual([code, written, said], [0, '', ''], error)
    assert.equal(
      await readFile(out, 'utf8'),
      'age,zip,illness,notes\r\n"[30, 40)",941*,flu,"[NAME], [EMAIL]\nsays =1"\r\n"[30, 40)",941*,gout,""\r\n',
    )
    if (process.platform !== 'win32') assert.equal((await stat(out)).mode & 0o777, 0o600)
    assert.match(error, /3 rows, 1 of them left out/)
    assert.match(error, /k {11}2 wanted, 1 before, 2 now/)
    for (const value of ['Ada', 'Lovelace', '94110', 'flu']) assert.ok(!error.includes(value))
    const json = await run('mask', table, '--plan', planFile, '--out', out, '--force', '--json')
    const report = JSON.parse(json.out) as { rows: unknown; anonymity: { l: unknown } }
    assert.deepEqual(report.rows, { in: 3, out: 2, suppressed: 1 })
    assert.deepEqual(report.anonymity.l, { wanted: 2, before: 1, after: 2 })
  })

  it('never writes over a file unless it is told to, and leaves nothing where it fails', async () => {
    const text = await file('c.txt', 'ada@example.com')
    const out = await file('c.out', 'mine')
    const kept = await run('mask', text, '--out', out)
    assert.equal(kept.code, 1)
    assert.equal(await readFile(out, 'utf8'), 'mine')
    assert.equal((await run('mask', text, '--out', out, '--mode', 'block', '--force')).code, 1)
    assert.equal(await readFile(out, 'utf8'), 'mine')
    assert.equal((await run('mask', text, '--out', out, '--force')).code, 0)
    assert.equal(await readFile(out, 'utf8'), '[EMAIL]')
    // In its own place.
    assert.equal((await run('mask', text, '--out', text, '--force')).code, 0)
    assert.equal(await readFile(text, 'utf8'), '[EMAIL]')
    const [table, planFile] = [await file('d.csv', people), await file('d.json', JSON.stringify(plan))]
    const bad = await file('bad.csv', 'a\n"x')
    for (const args of [[bad], [table, '--plan', planFile, '--max-suppressed', '20'], [await file('bad.txt', new Uint8Array([0xff]))]]) {
      const failed = await run('mask', ...args, '--out', at('none'))
      assert.equal(failed.code, 1, failed.error)
      await assert.rejects(stat(at('none')))
    }
    assert.equal((await run('mask', table, '--plan', planFile, '--max-suppressed', '50', '--out', at('some'))).code, 0)
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.tmp')),
      [],
    )
  })

  it('exits 2 when the call is wrong, and writes nothing then', async () => {
    const [text, table, json] = [await file('e.txt', 'x'), await file('e.csv', 'a\n1\n'), await file('e.json', '{}')]
    const wrongPlan = await file('wrong.json', '{"columns":{"a":"blur"}}')
    const noPlan = await file('twice.json', '{"columns":{},"columns":{}}')
    for (const args of [
      [],
      [text, 'more'],
      [at('missing')],
      [folder],
      [json],
      [text, '--mode', 'blur'],
      [text, '--detect', 'toString'],
      [text, '--detect', 'country'],
      [text, '--detect', 'country:xx'],
      [text, '--detect', ''],
      [text, '--format', 'xml'],
      [text, '--plan', wrongPlan],
      [table, '--plan', wrongPlan],
      [table, '--plan', noPlan],
      [table, '--plan', at('missing')],
      [table, '--plan', wrongPlan, '--mode', 'redact'],
      [text, '--escape-formulas'],
      [text, '--force'],
      [table, '--max-suppressed', '5'],
      [table, '--plan', wrongPlan, '--max-suppressed', 'x'],
      [text, '--key', at('missing')],
      [text, '--nonsense'],
    ]) {
      const { code, written } = await run('mask', ...args, ...(args.includes('--force') ? [] : ['--out', at('never')]))
      assert.deepEqual([code, written], [2, ''], args.join(' '))
      await assert.rejects(stat(at('never')))
    }
  })

  it('shows names of columns harmlessly', async () => {
    const table = await file('f.csv', 'a\u001b[2J,b\n1,2\n')
    const said = await run('mask', table, '--out', at('f.out'))
    assert.equal(said.code, 0)
    assert.ok(isHarmless(said))
  })

  it('shows how far it is where somebody looks', async () => {
    const text = await file('g.txt', 'word '.repeat(100_000))
    const shown: string[] = []
    await main(['mask', text], { out() {}, error() {}, write: async () => {}, progress: (line) => void shown.push(line) })
    assert.ok(shown.some((line) => /^\[#+\.+\] {1,2}\d+ %$/.test(line)))
    assert.ok(shown.includes(`[${'#'.repeat(30)}] 100 %`))
    assert.equal(shown.at(-1), '')
  })

  if (process.platform !== 'win32')
    it('leaves nothing at an interrupt', async () => {
      const [pipe, out] = [at('pipe'), at('interrupted')]
      execFileSync('mkfifo', [pipe])
      const running = spawn(
        process.execPath,
        ['--import', 'tsx', '--conditions=@sallyport/source', 'src/cli/main.ts', 'mask', pipe, '--format', 'text', '--out', out],
        { cwd: root },
      )
      // To open a pipe is to wait for the other end: its output is begun by then.
      const writer = await open(pipe, 'w')
      await writer.write('ada@example.com '.repeat(1000))
      while (!(await readdir(folder)).some((name) => name.includes('.interrupted.'))) await new Promise((resolve) => setTimeout(resolve, 5))
      running.kill('SIGINT')
      const [, signal] = await once(running, 'exit')
      await writer.close()
      assert.equal(signal, 'SIGINT')
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.includes('interrupted')),
        [],
      )
    })
})
