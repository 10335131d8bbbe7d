import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { commandGroups } from '../../src/cli/run.ts'
import { run } from './made-log.ts'

const commands = commandGroups.flatMap(({ commands }) => commands)
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0
const { out: script } = await run('completion', 'bash')

/** What bash offers for these words, the last of them as far as it is typed. */
function offered(...words: string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ')
  const ask = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8', cwd: '/' })
  assert.equal(stderr, '')
  return stdout.split('\n').filter((word) => word !== '')
}

describe('completion', () => {
  it('names every command and every option, for each shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await run('completion', shell)
      assert.equal(code, 0)
      for (const { name, options } of commands) {
        for (const word of name.split(' ')) assert.ok(out.includes(word), `${shell}: ${word}`)
        for (const option of Object.keys(options)) assert.ok(out.includes(shell === 'fish' ? `-l ${option}` : `--${option}`), `${shell}: ${option}`)
      }
      if (has(shell)) assert.deepEqual(spawnSync(shell, ['-n'], { input: out, encoding: 'utf8' }).stderr, '')
    }
  })

  if (has('bash'))
    it('offers in bash what fits where one is', () => {
      assert.deepEqual(offered('sallyport', 'po'), ['policy'])
      assert.deepEqual(offered('sallyport', 'audit', 'verify'), ['verify', 'verify-evidence'])
      assert.deepEqual(offered('sallyport', 'audit', 'verify', '--an'), ['--anchor', '--anchor-export'])
      assert.deepEqual(offered('sallyport', 'describe', '--'), ['--export', '--fail-on', '--json', '--help'])
      assert.deepEqual(offered('sallyport', 'describe', 'x', '--fail-on', ''), ['high', 'medium', 'low'])
      assert.deepEqual(offered('sallyport', 'completion', ''), ['bash', 'zsh', 'fish'])
      assert.ok(offered('sallyport', 'mask', 'et').includes('etc'))
    })
})
