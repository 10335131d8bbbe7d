import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('a program that only waits to ask its key provider again goes on to the answer', () => {
  const program = `
    import { localKeys, sealer } from 'sallyport'
    const keys = localKeys({ primary: 'k1', keys: { k1: crypto.getRandomValues(new Uint8Array(32)) } })
    const box = sealer({ keys: { ...keys, generate: () => Promise.reject(new Error('connection refused')) } })
    await box.seal('x', { tenant: 'acme' }).catch((error) => console.log(error.code))`
  const flags = ['--import', 'tsx', '--conditions=@sallyport/source', '--input-type=module', '--eval', program]
  const { stdout, stderr, status } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  assert.deepEqual([stdout, status], ['keys_unavailable\n', 0], stderr)
})
