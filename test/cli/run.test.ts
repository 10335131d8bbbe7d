import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const commands = [
  'audit verify',
  'audit tail',
  'audit prove',
  'policy check',
  'policy explain',
  'policy test',
  'policy sign',
  'policy diff',
  'access review',
  'mask',
  'keys new',
]

describe('the sallyport command', () => {
  it('shows its commands when it is asked for nothing or for help', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out } = await run(...args)
      assert.equal(code, 0)
      for (const command of commands) assert.ok(out.includes(`sallyport ${command}`))
    }
  })

  it('shows what each does when asked for help', async () => {
    for (const command of commands)
      for (const flag of ['--help', '-h']) {
        const { code, out } = await run(...command.split(' '), flag)
        assert.equal(code, 0)
        assert.ok(out.startsWith(`sallyport ${command} `))
      }
  })

  it('exits 2 for a command that there is not, and shows it harmlessly', async () => {
    for (const args of [['nonsense'], ['audit'], ['audit', 'nonsense'], ['keys', '\u001b[2J']]) {
      const { code, error } = await run(...args)
      assert.equal(code, 2)
      assert.equal(error.includes('\u001b'), false)
      assert.ok(error.includes('sallyport audit verify'))
    }
  })
})

describe('the sallyport command as a process', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog([sampleRecord(1)])))
  after(() => made.remove())
  const start = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', 'src/cli/main.ts', ...args], { cwd: root, encoding: 'utf8' })

  it('ends with the code that says how it went', async () => {
    const good = start('audit', 'verify', made.log, '--key', made.verifierKeyFile, '--anchor', made.anchor)
    assert.deepEqual([good.status, good.stderr], [0, ''])
    assert.match(good.stdout, /^The log holds: 1 entry, signed by bot\.\n/)
    const bad = start(
      'audit',
      'verify',
      await withOneByteChanged(made, 'tile/entries/000.p/1'),
      '--key',
      made.verifierKeyFile,
      '--anchor',
      made.anchor,
    )
    assert.equal(bad.status, 1)
    const wrong = start('audit', 'verify')
    assert.deepEqual([wrong.status, wrong.stdout], [2, ''])
  })

  it('ends at an interrupt, without a word', { skip: process.platform === 'win32' && 'no mkfifo' }, async () => {
    const pipe = join(made.folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const running = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', 'src/cli/main.ts', 'policy', 'check', pipe], {
      cwd: root,
    })
    let said = ''
    for (const stream of [running.stdout, running.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()))
    // To open a pipe is to wait for the other end: it is reading now.
    const writer = await open(pipe, 'w')
    running.kill('SIGINT')
    const [, signal] = await once(running, 'exit')
    await writer.close()
    assert.deepEqual([signal, said], ['SIGINT', ''])
  })

  it('is quiet when whoever reads it stops reading', { skip: process.platform === 'win32' && 'no sh' }, () => {
    const { stderr } = spawnSync(
      'sh',
      ['-c', `"$0" --import tsx --conditions=@sallyport/source src/cli/main.ts audit tail "$1" --json | true`, process.execPath, made.log],
      {
        cwd: root,
        encoding: 'utf8',
      },
    )
    assert.equal(stderr, '')
  })
})
