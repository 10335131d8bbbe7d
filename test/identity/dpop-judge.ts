import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type GuardError, type GuardErrorCode, isGuardError } from '../../src/guard/errors.ts'
import { type DpopOptions, dpopSettings } from '../../src/identity/dpop-options.ts'
import { type DpopBound, DpopProofs } from '../../src/identity/dpop-proofs.ts'
import { type DpopKey, dpopKey, type ProofOptions } from '../../src/testing/dpop-key.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** A server of one resource that judges proofs, and a client with a key and a token. */
export interface Judge {
  readonly clock: TestClock
  readonly key: DpopKey
  readonly proofs: DpopProofs
  readonly bound: DpopBound
  /** A proof for what is asked here, over which anything can be laid. */
  proof(options?: Partial<ProofOptions>): Promise<string>
  accepts(proof: string, bound?: Partial<DpopBound>): Promise<void>
  refuses(proof: string, code?: GuardErrorCode, bound?: Partial<DpopBound>): Promise<GuardError>
}

export async function judge(options: DpopOptions = {}, clock: TestClock = testClock(), made?: DpopKey): Promise<Judge> {
  const token = 'token-1'
  const url = 'https://api.example/chat'
  const key = made ?? (await dpopKey({ clock }))
  const proofs = new DpopProofs(dpopSettings(options))
  const bound: DpopBound = { ath: hashOf(token), jkt: key.jkt, method: 'POST', url }
  return {
    clock,
    key,
    proofs,
    bound,
    proof: (more) => key.proof({ method: 'POST', url, token, iat: Math.floor(clock.now() / 1000), ...more }),
    async accepts(proof, more) {
      await proofs.check(proof, { ...bound, ...more }, clock)
    },
    async refuses(proof, code = 'binding_invalid', more) {
      const error: unknown = await Promise.resolve(proofs.check(proof, { ...bound, ...more }, clock)).then(
        () => assert.fail('the proof was accepted'),
        (thrown: unknown) => thrown,
      )
      if (!isGuardError(error)) throw error
      assert.equal(error.code, code, String(error.cause))
      return error
    },
  }
}
