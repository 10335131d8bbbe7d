import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { LivePolicyOptions } from '../../src/policy/live-policy-options.ts'
import { policyFile } from '../../src/policy/policy-file.ts'
import { signPolicy } from '../../src/policy/sign-policy.ts'
import { settled } from '../keys/jwks-server.ts'
import { asking, policyOf, type Watched, watched } from './live.ts'
import { signingKeys } from './signing-keys.ts'

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-policy-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

interface InFile extends Watched {
  readonly path: string
  readonly folder: string
  /** Writes a policy beside the old one and puts it in its place. */
  put(policy: unknown): Promise<void>
}

async function inFile(context: TestContext, options: Partial<LivePolicyOptions> = {}, first: unknown = policyOf('1')): Promise<InFile> {
  const folder = await folderOf(context)
  const path = join(folder, 'policy.json')
  const put = async (policy: unknown): Promise<void> => {
    await writeFile(`${path}.new`, typeof policy === 'string' || policy instanceof Uint8Array ? policy : JSON.stringify(policy))
    await rename(`${path}.new`, path)
  }
  if (first !== 'none') await put(first)
  return { folder, path, put, ...watched(context, { load: policyFile(path), every: Number.POSITIVE_INFINITY, ...options }) }
}

describe('a policy in a file', () => {
  test('is noticed when another is put in its place, again and again', async (context) => {
    const { live, put, version } = await inFile(context)
    await live.ready
    for (const next of ['2', '3', '4']) {
      await put(policyOf(next))
      await settled(() => version() === next)
    }
    assert.equal(live.evaluate(asking()).policy.version, '4')
  })

  test('is noticed when it is written in place', async (context) => {
    const { live, path, version } = await inFile(context)
    await live.ready
    await writeFile(path, JSON.stringify(policyOf('2')))
    await settled(() => version() === '2')
  })

  test('is noticed where it comes to be there only later, and where it was away', async (context) => {
    const { live, put, path, version, refusals } = await inFile(context, { every: 0.02 }, 'none')
    await assert.rejects(live.ready, { code: 'unavailable', message: 'the file is not there' })
    await put(policyOf('1'))
    await live.refresh()
    assert.equal(version(), '1')
    await rm(path)
    await settled(() => refusals.length === 2)
    assert.equal(live.evaluate(asking()).allowed, true, 'the last good one stays')
    await put(policyOf('2'))
    await live.refresh()
    assert.equal(version(), '2')
  })

  test('half of it changes nothing, and the whole of it does', async (context) => {
    const { live, path, version, refusals } = await inFile(context)
    await live.ready
    const text = JSON.stringify(policyOf('2'))
    for (const length of [0, 1, text.length / 2, text.length - 1]) {
      await writeFile(path, text.slice(0, length))
      await assert.rejects(live.refresh(), { code: 'malformed' })
      assert.equal(version(), '1')
    }
    assert.ok(refusals.length > 0)
    await writeFile(path, text)
    await live.refresh()
    assert.equal(version(), '2')
  })

  test('cut to nothing it changes nothing', async (context) => {
    const { live, path, version } = await inFile(context)
    await live.ready
    await truncate(path, 0)
    await assert.rejects(live.refresh(), { code: 'malformed', message: /empty/ })
    assert.equal(version(), '1')
  })

  test('too long it is not even read', async (context) => {
    const { live, put, version } = await inFile(context, { maxLength: 1_000 })
    await live.ready
    await put(JSON.stringify(policyOf('2', 'x'.repeat(2_000))))
    await assert.rejects(live.refresh(), { code: 'unavailable', message: /bytes, and at most 1000/ })
    assert.equal(version(), '1')
  })

  test('signed it counts by its signature, and a rolled-back file does not', async (context) => {
    const keys = await signingKeys()
    const requireSignature = { keys: { keys: [keys.publicKey] } }
    const old = await signPolicy(policyOf('1'), { key: keys.privateKey })
    const { live, put, version } = await inFile(context, { requireSignature }, old)
    await live.ready
    await new Promise((resolve) => setTimeout(resolve, 2))
    await put(`${await signPolicy(policyOf('2'), { key: keys.privateKey })}\n`)
    await live.refresh()
    await put(old)
    await assert.rejects(live.refresh(), { code: 'rolled_back' })
    await put(policyOf('3'))
    await assert.rejects(live.refresh(), { code: 'unsigned' })
    assert.equal(version(), '2')
  })

  test('is followed through links, as Kubernetes mounts a ConfigMap', async (context) => {
    const folder = await folderOf(context)
    const mount = async (name: string, policy: unknown): Promise<void> => {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'policy.json'), JSON.stringify(policy))
      await symlink(name, join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    await mount('..2026_01', policyOf('1'))
    await symlink(join('..data', 'policy.json'), join(folder, 'policy.json'))
    const { live, version } = watched(context, { load: policyFile(join(folder, 'policy.json')), every: Number.POSITIVE_INFINITY })
    await live.ready
    await mount('..2026_02', policyOf('2'))
    await settled(() => version() === '2')
  })

  test('a folder, a link to itself and a pipe are no policies, and hold nobody up', async (context) => {
    const folder = await folderOf(context)
    await symlink('loop', join(folder, 'loop'))
    const pipe = join(folder, 'pipe')
    const names = [folder, join(folder, 'loop'), ...(spawnSync('mkfifo', [pipe]).status === 0 ? [pipe] : [])]
    for (const name of names) {
      const { live } = watched(context, { load: policyFile(name), every: Number.POSITIVE_INFINITY })
      await assert.rejects(live.ready, { code: 'unavailable' }, name)
    }
  })

  test('its folder may be put in the place of another', async (context) => {
    const folder = await folderOf(context)
    const inner = join(folder, 'etc')
    const path = join(inner, 'policy.json')
    const make = async (policy: unknown): Promise<void> => {
      await mkdir(inner)
      await writeFile(path, JSON.stringify(policy))
    }
    const { live, version } = watched(context, { load: policyFile(path), every: Number.POSITIVE_INFINITY })
    await assert.rejects(live.ready, { code: 'unavailable' })
    await make(policyOf('1'))
    await live.refresh()
    await rm(inner, { recursive: true })
    await assert.rejects(live.refresh(), { code: 'unavailable' })
    await make(policyOf('2'))
    await live.refresh()
    assert.equal(version(), '2')
    await writeFile(path, JSON.stringify(policyOf('3')))
    await settled(() => version() === '3')
  })

  test('is looked for every 5 seconds in any case, and says where it is', async (context) => {
    const { live, path } = await inFile(context)
    assert.deepEqual(live.describe().source, { kind: 'file', path })
    const { live: other } = watched(context, { load: policyFile(path) })
    assert.equal(other.describe().every, 5)
  })

  test('no path is a mistake', () => {
    for (const path of ['', undefined, 7, new URL('file:///etc/policy.json')])
      assert.throws(() => policyFile(path as string), { name: 'TypeError', message: /policyFile/ })
  })

  test('does not keep the process alive', async (context) => {
    const { path } = await inFile(context)
    const source = new URL('../../src/policy/', import.meta.url)
    const code = `
      import { livePolicy } from '${source}live-policy.ts'
      import { policyFile } from '${source}policy-file.ts'
      await livePolicy({ load: policyFile('${path}'), every: 1 }).ready
      console.log('ready')`
    const { stdout, status, stderr } = spawnSync(
      process.execPath,
      [...process.execArgv.filter((arg) => !arg.startsWith('--test')), '--input-type=module', '--eval', code],
      {
        encoding: 'utf8',
        timeout: 20_000,
      },
    )
    assert.equal(stdout, 'ready\n', stderr)
    assert.equal(status, 0)
  })
})
