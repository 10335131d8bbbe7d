import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandGroups } from '../../src/cli/run.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { wholeGuard } from '../conformance/whole-guard.ts'
import { type MadeLog, madeLog, run } from './made-log.ts'

const commands = commandGroups.flatMap(({ commands }) => commands)
let made: MadeLog
before(async () => {
  made = await madeLog([sampleRecord(1), sampleRecord(2)])
  writeFileSync(place('policy.json'), JSON.stringify({ id: 'p', version: '1', rules: [{ id: 'r', effect: 'permit', action: ['chat'] }] }))
  const request = { subject: { type: 'user', id: 'ada' }, action: { name: 'chat' }, resource: { type: 'model', id: 'm' }, context: {} }
  writeFileSync(place('request.json'), JSON.stringify(request))
  writeFileSync(place('policy.tests.json'), JSON.stringify([{ name: 'chat', request, expect: 'allow' }]))
  writeFileSync(place('guard.json'), JSON.stringify(wholeGuard().describe()))
  writeFileSync(place('text.txt'), 'ada@example.org\n')
  writeFileSync(place('passphrase'), 'a long enough passphrase\n')
})
after(() => made.remove())
const place = (name: string): string => join(made.folder, name)

/** A call of each command that prints a result, and the code that it ends with. */
function calls(): readonly (readonly [name: string, args: readonly string[], code: number])[] {
  const known = ['--key', made.verifierKeyFile, '--anchor', made.anchor]
  const ring = ['--passphrase-file', place('passphrase')]
  return [
    ['audit verify', [made.log, ...known], 0],
    ['audit verify', [made.log, '--key', made.verifierKeyFile], 1],
    ['audit tail', [made.log], 0],
    ['audit query', [made.log], 0],
    ['audit stats', [made.log], 0],
    ['audit prove', [made.log, '--entry', '0'], 0],
    ['audit evidence', [made.log, '--signer', made.keyFile, '--anchor', made.anchor, '--out', place('all.evidence')], 0],
    ['audit verify-evidence', [place('all.evidence'), '--key', made.verifierKeyFile, '--unanchored'], 0],
    ['limits top', [made.log], 0],
    ['policy check', [place('policy.json')], 0],
    ['policy check', [place('request.json')], 1],
    ['policy explain', [place('policy.json'), '--request', place('request.json')], 0],
    ['policy test', [place('policy.json')], 0],
    ['keys new', [place('new.key'), '--origin', 'bot'], 0],
    ['policy sign', [place('policy.json'), '--key', place('new.key'), '--kid', 'k'], 0],
    ['policy diff', [place('policy.json'), place('policy.json'), '--log', made.log, ...known], 1],
    ['access review', [place('policy.json'), '--log', made.log, ...known], 1],
    ['describe', [place('guard.json')], 0],
    ['mask', [place('text.txt'), '--out', place('masked.txt')], 0],
    ['keys rotate', [place('ring.json'), ...ring, '--new'], 0],
    ['keys rewrap', [made.folder, '--ring', place('ring.json'), ...ring, '--context', 'tenant=acme'], 0],
    ['audit rotate', [made.log, '--from', made.keyFile, '--to', place('next.key'), '--anchor', made.anchor], 0],
  ]
}

describe('--json', () => {
  it('is there wherever a result is printed, and what is printed is JSON alone, with the same exit code', async () => {
    // Two go on until they are ended or write other formats, and one writes a script.
    const others = ['audit export', 'audit serve', 'completion']
    const asked = new Set(calls().map(([name]) => name))
    assert.deepEqual([...commands.map(({ name }) => name).filter((name) => !asked.has(name))].sort(), others)
    for (const [name, args, expected] of calls()) {
      const { code, out, error } = await run(...name.split(' '), ...args, '--json')
      assert.equal(code, expected, `${name}: ${error}`)
      // A log without outcomes has nobody who spent anything.
      assert.ok(out !== '' || name === 'limits top', name)
      for (const line of out.split('\n').filter((text) => text !== '')) assert.doesNotThrow(() => JSON.parse(line), `${name}: ${line}`)
    }
    for (const name of ['new.key', 'all.evidence', 'masked.txt', 'ring.json']) rmSync(place(name))
  })

  it('or not: no colour and no bar where nobody looks at a terminal', () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    for (const args of [
      ['--help'],
      ['audit', 'tail', made.log],
      ['audit', 'verify', made.log, '--key', made.verifierKeyFile],
      ['audit', 'nonsense'],
    ]) {
      const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', 'src/cli/main.ts', ...args], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, FORCE_COLOR: '1' },
      })
      assert.ok(!`${stdout}${stderr}`.includes('\u001b'), args.join(' '))
      assert.ok(`${stdout}${stderr}` !== '')
    }
  })
})
