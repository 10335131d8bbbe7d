import { controlOf, type Described, isInMemory, list, member, ofKind } from './gap.ts'

const symmetric = /^HS\d+$/

/** Who might pass for somebody else, or stay longer than he may. */
export function findIdentityGaps(described: Described): void {
  const control = controlOf(described, 'verifyIdentity')
  if (control === undefined) return
  const { verifiers, assurance, binding, revocation, recheck } = control.options
  const { gaps } = described
  const gap = (code: string, severity: 'high' | 'medium' | 'low', message: string, remedy: string): void =>
    void gaps.push({ code, severity, control: 'verifyIdentity', message, remedy })
  const kinds = list(verifiers).map((verifier) => member(verifier, 'kind'))
  if (kinds.includes('anonymous'))
    gap(
      'anonymous_callers',
      'medium',
      'Whoever shows no credential is let in as anonymous, for policy to judge.',
      'Leave out anonymous() where every caller can be verified.',
    )
  if (list(verifiers).some((verifier) => member(verifier, 'audience') === 'any'))
    gap('any_audience', 'high', 'A token that was issued for another service is taken here.', "Name the audience instead of 'any'.")
  const algorithms = list(verifiers).flatMap((verifier) => list(member(verifier, 'algorithms')))
  if (algorithms.some((algorithm) => typeof algorithm === 'string' && symmetric.test(algorithm)))
    gap(
      'shared_secrets',
      'medium',
      'Whoever can verify a token here can also make one: its key is a shared secret.',
      'Let the issuer sign with a private key (ES256, EdDSA) and verify with its public one.',
    )
  const onlyBound = kinds.length > 0 && kinds.every((kind) => kind === 'clientCertificate' || kind === 'anonymous')
  if (binding === undefined && !onlyBound)
    gap(
      'no_binding',
      'medium',
      'A stolen credential works for whoever holds it.',
      "Say binding: 'any', so that tokens must be bound to a key that the caller proves (DPoP, mutual TLS).",
    )
  if (assurance === undefined)
    gap(
      'no_step_up',
      'low',
      'How a caller authenticated, and how long ago, does not matter for all calls alike.',
      'Ask for it with assurance, or in single rules with the obligation require_assurance.',
    )
  if (revocation === false || revocation === undefined)
    gap(
      'no_revocation',
      'medium',
      'Whoever was let in stays until the credential expires: nobody can be thrown out.',
      'Give verifyIdentity a revocationList.',
    )
  const every = member(recheck, 'every')
  if (typeof every === 'number' && every > 1)
    gap(
      'slow_recheck',
      'low',
      `While an answer streams its caller is looked at again only every ${every} seconds.`,
      'Leave out recheck: twice a second costs next to nothing.',
    )
  const slow = list(verifiers).filter((verifier) => Number(member(verifier, 'cache')) > 60)
  if (slow.length > 0)
    gap('old_answers', 'medium', 'A token that its server took back is taken for more than a minute.', 'Give opaque a shorter cache.')
  const stores = list(verifiers).map((verifier) => member(member(verifier, 'dpop'), 'store'))
  if (binding !== undefined && stores.some(isInMemory))
    gap(
      'proofs_per_process',
      'low',
      'A proof of possession that one process has seen is new to another.',
      'Where several processes serve, give dpop a store that they share (redisState).',
    )
  if ([...ofKind(revocation, 'memory')].length > 0)
    gap(
      'revocation_per_process',
      'low',
      'A revocation is known to one process and forgotten with it.',
      'Where several processes serve, give revocationList a store that they share (redisState).',
    )
}
