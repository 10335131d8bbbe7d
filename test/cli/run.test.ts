import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { usageOf } from '../../src/cli/help-text.ts'
import { commandGroups } from '../../src/cli/run.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
const root = fileURLToPath(new URL('../..', import.meta.url))
const commands = commandGroups.flatMap(({ commands }) => commands)

describe('the sallyport command', () => {
  it('shows its commands when it is asked for nothing or for help', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out } = await run(...args)
      assert.equal(code, 0)
      for (const { name, summary } of commands) assert.match(out, new RegExp(`^  sallyport ${name} +${summary}$`, 'm'))
    }
  })

  it('shows what each does when asked for help: how it is called, its options, an example, its exit codes', async () => {
    for (const command of commands) {
      const words = command.name.split(' ')
      for (const args of [
        [...words, '--help'],
        [...words, 'x', '-h'],
        ['help', ...words],
      ]) {
        const { code, out, error } = await run(...args)
        assert.deepEqual([code, error], [0, ''], args.join(' '))
        assert.ok(out.startsWith(`${usageOf(command)}\n`), out)
        for (const name of [...Object.keys(command.options), 'help']) assert.ok(out.includes(`--${name}`), name)
        for (const example of command.examples) assert.ok(out.includes(`  ${example}\n`), example)
        for (const [exit, meaning] of command.exits.entries()) assert.ok(out.includes(`  ${exit}  ${meaning}\n`))
        assert.ok(out.split('\n').every((line) => line.length <= 120))
      }
    }
  })

  it('shows the commands of one kind, and which version it is', async () => {
    for (const args of [
      ['audit', '--help'],
      ['help', 'audit'],
    ]) {
      const { code, out } = await run(...args)
      assert.equal(code, 0)
      assert.match(out, /sallyport audit verify /)
      assert.doesNotMatch(out, /sallyport policy/)
    }
    const { code, out } = await run('--version')
    assert.deepEqual([code, out], [0, manifest.version])
  })

  it('exits 2 for a command that there is not, and shows it harmlessly', async () => {
    for (const args of [['nonsense'], ['audit'], ['audit', 'nonsense'], ['keys', '\u001b[2J'], ['help', 'nonsense']]) {
      const { code, out, error } = await run(...args)
      assert.deepEqual([code, out], [2, ''])
      assert.equal(error.includes('\u001b'), false)
      assert.match(error, /^ {2}sallyport /m)
    }
  })

  it('names the command that was meant', async () => {
    for (const [args, meant] of [
      [['audti', 'verify'], 'audit verify'],
      [['audit', 'verfy'], 'audit verify'],
      [['policy', 'chek', 'x.json'], 'policy check'],
      [['verify', 'var/audit'], 'audit verify'],
      [['descrbe'], 'describe'],
      [['key', 'new'], 'keys new'],
    ] as const) {
      const { code, error } = await run(...args)
      assert.equal(code, 2)
      assert.match(error, new RegExp(`Did you mean sallyport ${meant}\\?`), args.join(' '))
    }
  })

  it('exits 2 for an option that there is not, with too much or without what is needed, and never runs', async () => {
    for (const { name, operands, missing } of commands) {
      const words = name.split(' ')
      for (const [more, why] of [
        [['--nonsense'], /there is no option --nonsense/],
        [[...operands, 'more'], /'more' is one too many/],
        [[], new RegExp(`: ${missing}$`, 'm')],
      ] as const) {
        const { code, out, error } = await run(...words, ...more)
        assert.deepEqual([code, out], [2, ''], `${name} ${more.join(' ')}`)
        assert.match(error, why)
        assert.match(error, new RegExp(`^Usage: sallyport ${name}`, 'm'))
      }
    }
  })

  it('names the option that was meant, and says what is wrong with a value', async () => {
    for (const [args, why] of [
      [['audit', 'verify', 'x', '--anchr', 'y'], /Did you mean --anchor\?/],
      [['audit', 'verify', 'x', '--key'], /--key needs a value: FILE\|KEY/],
      [['audit', 'verify', 'x', '--key', '--json'], /--key needs a value: FILE\|KEY\. If '--json' is meant, write --key=--json/],
      [['audit', 'verify', 'x', '--json=yes'], /--json takes no value/],
      [['audit', 'verify', 'x', '--key', 'a', '--key', 'b'], /--key was given twice/],
      [['describe', 'x', '--fail-on', 'hgh'], /--fail-on must be one of high, medium, low\. Did you mean high\?/],
      [['mask', 'x', '--mode', 'redakt'], /--mode must be one of .*Did you mean redact\?/],
      [['completion', 'sh'], /give one of bash, zsh, fish/],
      [['audit', 'tail', 'x', '--constructor'], /there is no option --constructor/],
    ] as const) {
      const { code, error } = await run(...args)
      assert.equal(code, 2)
      assert.match(error, why)
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
