import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DpopOptions } from '../../src/identity/dpop-options.ts'
import { dpopSettings } from '../../src/identity/dpop-options.ts'
import { publicAlgorithms } from '../../src/keys/jwks.ts'
import { memoryState } from '../../src/state/memory-state.ts'

describe('the options of proofs', () => {
  test('may be left out', () => {
    const { store, maxAge, tolerance, algorithms, nonces } = dpopSettings()
    assert.deepEqual({ maxAge, tolerance, algorithms, nonces }, { maxAge: 60_000, tolerance: 5000, algorithms: publicAlgorithms, nonces: undefined })
    assert.equal(store.describe().kind, 'memory')
    assert.notEqual(dpopSettings().store, store, 'each has a memory of its own')
    assert.deepEqual(dpopSettings({ nonces: true }).nonces, { secret: undefined, period: 120_000 })
    assert.equal(dpopSettings({ nonces: false }).nonces, undefined)
  })

  test('are copied, and told without the secret', () => {
    const secret = new Uint8Array(32).fill(7)
    const algorithms = ['ES256']
    const store = memoryState()
    const settings = dpopSettings({ store, maxAge: 30, tolerance: 0.5, algorithms, nonces: { secret, period: 60 } })
    secret.fill(0)
    algorithms.push('RS256')
    assert.equal(settings.nonces?.secret?.[0], 7)
    assert.deepEqual(settings.algorithms, ['ES256'])
    assert.equal(settings.store, store)
    assert.deepEqual(settings.details, {
      maxAge: 30,
      tolerance: 0.5,
      algorithms: ['ES256'],
      nonces: { period: 60, shared: true },
      store: { kind: 'memory', maxEntries: 100_000 },
    })
  })

  test('are refused at once where they are wrong', () => {
    const wrong: unknown[] = [
      null,
      'dpop',
      { nonce: true },
      { store: {} },
      { store: new Map() },
      ...[0, -1, 601, Number.NaN, Number.POSITIVE_INFINITY, '60'].map((maxAge) => ({ maxAge })),
      ...[-1, 301, Number.NaN, '5'].map((tolerance) => ({ tolerance })),
      ...[[], '', 'none', 'HS256', ['ES256', 'HS256'], ['ES256', 7], 'ES256K', [undefined]].map((algorithms) => ({ algorithms })),
      ...['yes', 1, null, { secrets: 1 }, { secret: 'text' }, { secret: new Uint8Array(31) }, { secret: new Uint16Array(32) }].map((nonces) => ({
        nonces,
      })),
      ...[0, 3601, Number.NaN, '120'].map((period) => ({ nonces: { period } })),
    ]
    for (const options of wrong) assert.throws(() => dpopSettings(options as DpopOptions), TypeError, JSON.stringify(options))
  })
})
