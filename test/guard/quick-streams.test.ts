import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authorize, type Decision, guard, killSwitch, revocationList, switches, unaudited, verifyIdentity } from '../../src/index.ts'
import { partSize } from '../../src/guard/part-size.ts'
import { identityOf, testClock } from '../../src/testing/index.ts'
import { assertRejects } from '../conformance/refusals.ts'

const permit: Decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }

/** A stream that never waits, under a clock that never moves: no timer looks at anything. */
function scene() {
  const clock = testClock()
  const revocation = revocationList({ clock })
  const off = switches({ clock })
  const state = { allowed: true }
  const base = guard({ name: 'g', clock, onError: () => {} })
    .use(unaudited())
    // Without a subscription: only asking tells.
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', issuer: 'i' })], revocation: { ...silent(revocation) } }))
    .use(killSwitch({ switches: { ...off, offAmong: off.offAmong.bind(off), subscribe: () => () => {}, describe: () => ({}) } }))
    .use(authorize({ evaluator: { evaluate: () => ({ ...permit, allowed: state.allowed }) } }))
  let told = 0
  const stream = base.protect(
    async function* (_input: string) {
      for (let part = 0; part < 1_000; part++) {
        told++
        yield 'x'.repeat(1_024)
      }
    },
    { action: 'chat', resource: { type: 'model', id: 'm' } },
  )
  return { revocation, off, state, stream, told: () => told }
}

function silent(revocation: ReturnType<typeof revocationList>): ReturnType<typeof revocationList> {
  return { ...revocation, isRevoked: revocation.isRevoked.bind(revocation), subscribe: () => () => {}, describe: () => ({}) } as typeof revocation
}

async function readAfter(parts: AsyncIterator<unknown>, change: () => unknown): Promise<number> {
  assert.equal((await parts.next()).done, false)
  await change()
  for (let read = 1; ; read++) if ((await parts.next()).done === true) return read
}

describe('A4: a stream that is quicker than any timer', () => {
  test('ends within 64 KiB of when policy, the caller or a switch says no', async () => {
    const cases: readonly ['denied' | 'identity_revoked' | 'switched_off', (made: ReturnType<typeof scene>) => unknown][] = [
      ['denied', ({ state }) => void (state.allowed = false)],
      ['identity_revoked', ({ revocation }) => revocation.revoke({ subject: 'ada' })],
      ['switched_off', ({ off }) => off.off({ model: 'm' })],
    ]
    for (const [code, change] of cases) {
      const made = scene()
      const parts = await made.stream('go')
      await assertRejects(
        readAfter(parts, () => change(made)),
        code,
      )
      assert.ok(made.told() <= 66, `${code}: ${made.told()} parts`)
    }
  })

  test('runs to its end where nobody does', async () => {
    const made = scene()
    assert.equal(await readAfter(await made.stream('go'), () => {}), 1_000)
  })
})

test('the size of a part is about that of its texts, whatever it is', () => {
  assert.equal(partSize('abc'), 3)
  assert.equal(partSize(new Uint8Array(5)), 5)
  assert.equal(partSize(null), 1)
  assert.equal(partSize({ a: 'bcd', e: [1, 'fg'] }), 1 + 3 + 1 + 1 + 1 + 1 + 2)
  assert.ok(partSize(Array.from({ length: 100_000 }, () => 'x')) < 2_000)
})
