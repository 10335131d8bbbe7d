import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'))

// In a folder of its own, so that what an example writes below `var` is its own as well.
let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-examples-'))
  for (const name of ['node_modules', 'package.json', 'tsconfig.json', 'src', 'examples']) symlinkSync(join(root, name), join(folder, name))
})
after(() => rmSync(folder, { recursive: true }))

function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const { OPENAI_BASE_URL: _, ...environment } = process.env
    const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', ...args], { cwd: folder, env: environment })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (output += data.toString()))
    child.on('close', (code) => resolve({ code, output }))
  })
}

describe('examples', () => {
  for (const name of examples)
    test(`${name} runs alone, holds, and is short enough to read`, async () => {
      assert.ok(readFileSync(join(root, 'examples', name), 'utf8').split('\n').length <= 81)
      const { code, output } = await run(join(root, 'examples', name))
      assert.equal(code, 0, output)
      assert.ok(output.startsWith(name.slice(0, -3)), output)
    })

  test('the gateway shows all that it promises', async () => {
    const { code, output } = await run(join(root, 'examples/gateway/main.ts'))
    assert.equal(code, 0, output)
    for (const shown of [
      /sealed both ways\n\s+ey.* opens as: You asked/,
      /^curl /m,
      /\[EMAIL\]/,
      /401 Bearer/,
      /403 .*"code":"denied"/,
      /forbid by 'guests-never-chat'/,
      /retry-after: \d/,
      /ratelimit-policy: /,
    ])
      assert.match(output, shown)
    assert.match(output, /one byte changed\n\s+The log does not hold/)
    assert.match(output, /Everything was as it should be/)
  })

  test('the gateway shows it again, on the log that it left', async () => {
    const { code, output } = await run(join(root, 'examples/gateway/main.ts'))
    assert.equal(code, 0, output)
    assert.match(output, /one byte changed\n\s+The log does not hold/)
  })

  test('the gateway keeps serving with --serve, what it printed can be pasted, and it ends when it is told to', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', join(root, 'examples/gateway/main.ts'), '--serve'], {
      cwd: folder,
    })
    let output = ''
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (data: Buffer) => {
        output += data.toString()
        if (output.includes('Serving until interrupted')) resolve()
      }),
    )
    const statuses: number[] = []
    for (const [, url, token, body] of output.matchAll(/curl -s (\S+)[\s\S]*?Bearer (\S+)'[\s\S]*?-d '([^']+)'/g)) {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      statuses.push((await fetch(url ?? '', { method: 'POST', headers, body: body ?? '' })).status)
    }
    assert.deepEqual(statuses, [200, 403, 401])
    const ended = new Promise((resolve) => child.on('close', resolve))
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
  })

  test('the gateway explains itself, and refuses a port that is none', async () => {
    assert.equal((await run(join(root, 'examples/gateway/main.ts'), '--help')).code, 0)
    assert.equal((await run(join(root, 'examples/gateway/main.ts'), '--port', 'x')).code, 2)
  })
})
