import { type Check, checkOptions, hasMethods, isFunction } from '../guard/check-options.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { KeyContext, KeyProvider, WrappedKey } from '../keys/key-provider.ts'
import type { KeyRelease } from './release-policy.ts'
import type { ReleaseRecipient } from './release-recipient.ts'
import { copyRequest } from './released-key.ts'

/** Options of `attestedKeys`. */
export interface AttestedKeysOptions {
  /** The key of this workload, as `releaseRecipient` makes it. */
  readonly recipient: ReleaseRecipient
  /** Who releases: a `KeyRelease` far away, behind whatever carries its two questions. What it answers is not signed: ask it over TLS. */
  readonly release: Pick<KeyRelease, 'challenge' | 'release'>
  /**
   * Has this workload attested, with this nonce and its key in the evidence: by the Nitro Security Module, the launcher of Confidential
   * Space, or whatever the platform has.
   */
  readonly attest: (nonce: string, recipient: ReleaseRecipient, signal?: AbortSignal) => Awaitable<string | Uint8Array>
  /** Whether the key is sent along, since the evidence names it by its thumbprint alone, as that of Confidential Space does; not unless given. */
  readonly sendKey?: boolean
}

const checks: Readonly<Record<keyof AttestedKeysOptions, Check>> = {
  recipient: [hasMethods('open'), 'what releaseRecipient makes'],
  release: [hasMethods('challenge', 'release'), 'a KeyRelease'],
  attest: [isFunction, 'a function that gives evidence'],
  sendKey: [(value) => value === undefined || typeof value === 'boolean', 'true or false'],
}

/**
 * The other end of `releasePolicy`: a key provider inside a workload that attests itself for each data key that it needs. It opens, and
 * neither wraps nor makes keys: what a workload seals, it seals with keys of its own.
 *
 * ```ts
 * const keys = attestedKeys({ recipient: await releaseRecipient(), release, attest: (nonce, { publicKeyInfo }) => nsm.attest({ nonce, publicKeyInfo }) })
 * const box = sealer({ keys })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function attestedKeys(options: AttestedKeysOptions): KeyProvider {
  checkOptions('attestedKeys', options, checks)
  const { recipient, release, attest, sendKey = false } = options
  const opensOnly = (): never => {
    throw new GuardError('misconfigured', { reason: 'keys that are released to a workload open, and wrap nothing' })
  }
  return Object.freeze<KeyProvider>({
    generate: opensOnly,
    wrap: opensOnly,
    rewrap: opensOnly,
    async unwrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal) {
      const asked = copyRequest({ wrapped, context })
      const { nonce } = await release.challenge(asked)
      const evidence = await attest(nonce, recipient, signal)
      const released = await release.release({ ...asked, nonce, evidence, ...(sendKey && { key: recipient.publicKey }) })
      return recipient.open(released, nonce, asked)
    },
    state: () => ({ id: 'attested', version: '' }),
    describe: () => ({ kind: 'attested', thumbprint: recipient.thumbprint }),
  })
}
