import { type PolicySet, policySet } from '../policy/policy-set.ts'
import { ContentError, readJson } from './json-file.ts'

/** A policy as it stands in a file, and compiled. */
export interface PolicyFile {
  readonly source: unknown
  readonly set: PolicySet
}

/** Reads a policy from a file. @throws ContentError that names the place in it, for what is not exactly a policy. */
export async function readPolicy(path: string): Promise<PolicyFile> {
  const source = await readJson(path)
  try {
    return { source, set: policySet(source) }
  } catch (error) {
    throw new ContentError(`${path}: ${error instanceof Error ? error.message : 'this is no policy'}`)
  }
}
