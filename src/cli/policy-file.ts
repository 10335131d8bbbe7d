import { openPolicy } from '../policy/open-policy.ts'
import { type PolicySet, policySet } from '../policy/policy-set.ts'
import { isSigned } from '../policy/signed-policy.ts'
import { UsageError } from './io.ts'
import { ContentError, jsonIn, readBytes } from './json-file.ts'
import { readPublicKeys } from './policy-keys.ts'

/** A policy as it stands in a file, and compiled. */
export interface PolicyFile {
  readonly source: unknown
  readonly set: PolicySet
}

/** The option that commands have in common which read a policy. */
export const signedArguments = {
  'signed-by': {
    type: 'string',
    value: 'FILE',
    help: 'the policy must be signed, as by policy sign, with one of these keys: a public JWK, a JWK Set, or a key in PEM. Needed for a policy that is signed',
  },
} as const

/**
 * Reads a policy from a file: JSON, or signed where keys are given.
 *
 * @throws ContentError that names the place in it, for what is not exactly a policy, and for one that is not signed by these keys.
 */
export async function readPolicy(path: string, signedBy?: string): Promise<PolicyFile> {
  const keys = signedBy === undefined ? undefined : await readPublicKeys(signedBy)
  const bytes = await readBytes(path)
  if (keys === undefined && isSigned(bytes.toString()))
    throw new UsageError(`'${path}' is signed: give the public key of whoever signed it with --signed-by`)
  try {
    const source = keys === undefined ? jsonIn(bytes) : await openPolicy(bytes.toString(), { keys })
    return { source, set: policySet(source) }
  } catch (error) {
    throw new ContentError(`${path}: ${error instanceof Error ? error.message : 'this is no policy'}`)
  }
}
