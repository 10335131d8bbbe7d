import type { Clock } from '../guard/clock.ts'
import { reasonOf } from '../guard/errors.ts'
import { compareVersions } from './compare-versions.ts'
import type { LiveSettings, PolicyInForce } from './live-policy-options.ts'
import { type OpenedPolicy, openSigned, type SignatureSettings } from './open-policy.ts'
import { copyWithDigest, hashesAtOnce, policyDigest } from './policy-digest.ts'
import { PolicyError } from './policy-error.ts'
import { type PolicySet, policySet } from './policy-set.ts'
import { parsePolicyText } from './policy-text.ts'
import { isSigned } from './signed-policy.ts'

/** A policy that may come into force. */
export interface Candidate {
  readonly set: PolicySet
  readonly id: string
  readonly version: string
  readonly digest: string
  readonly signedAt: number | undefined
}

/** What was loaded, without its wrapping. `signedAt` is undefined where no signature is wanted. */
export type Unwrapped = Omit<OpenedPolicy, 'signedAt'> & { readonly signedAt: number | undefined }

/**
 * What a text holds.
 *
 * @throws PolicyError for one that is no JSON, not signed as it must be, or signed where nobody can tell by whom.
 */
export async function unwrapText(text: string, signature: SignatureSettings | undefined, clock: Clock): Promise<Unwrapped> {
  if (signature !== undefined) return openSigned(text, signature, clock)
  // Taken as if it were not signed, it would seem to have been checked.
  if (isSigned(text)) throw new PolicyError('signature_invalid', 'the text is signed, and nobody said whose signature counts (requireSignature)')
  return { policy: parsePolicyText(text), signedAt: undefined }
}

/** What an object is. @throws PolicyError for one that is no object, and where a signature is wanted. */
export function unwrapObject(policy: unknown, signature: SignatureSettings | undefined): Unwrapped {
  if (typeof policy !== 'object' || policy === null)
    throw new PolicyError('malformed', `the source gave a ${policy === null ? 'null' : typeof policy}`)
  if (signature !== undefined) throw new PolicyError('unsigned', 'the source gave an object, which cannot be signed')
  return { policy, signedAt: undefined }
}

/**
 * Makes a policy ready; undefined where it is what is in force.
 *
 * @throws PolicyError that says why it may not come into force.
 */
export async function candidateOf(
  { policy, signedAt }: Unwrapped,
  current: PolicyInForce | undefined,
  settings: LiveSettings,
): Promise<Candidate | undefined> {
  const digest = await digestOf(policy)
  if (digest === current?.digest) return undefined
  // Where the runtime takes its time to hash, of a copy that nobody else can change meanwhile.
  const first = compile(policy)
  const set = hashesAtOnce() ? first : compile(await copyWithDigest(policy))
  const { id, version } = set.describe()
  const candidate = { set, id, version, digest, signedAt }
  checkPlace(candidate, current, settings)
  return candidate
}

async function digestOf(policy: unknown): Promise<string> {
  try {
    return await policyDigest(policy)
  } catch (error) {
    // It says where.
    compile(policy)
    throw new PolicyError('malformed', error instanceof TypeError ? error.message : reasonOf(error))
  }
}

function compile(policy: unknown): PolicySet {
  try {
    return policySet(policy)
  } catch (error) {
    // Of `policySet` it names the place and says what is wrong there.
    throw new PolicyError('malformed', error instanceof TypeError ? error.message : reasonOf(error))
  }
}

function checkPlace({ id, version, signedAt, set }: Candidate, current: PolicyInForce | undefined, settings: LiveSettings): void {
  const wanted = settings.id ?? current?.id
  // Whoever may sign one policy may not put it in the place of another.
  if (wanted !== undefined && id !== wanted) throw new PolicyError('id_unexpected', `policy.id: is not '${wanted}'`)
  const unforeseen = settings.obliges && set.obliges.find((type) => settings.obliges?.includes(type) !== true)
  if (unforeseen !== undefined)
    throw new PolicyError('obligation_unknown', `policy.rules: oblige to '${unforeseen}', which is not among the obligations that are foreseen`)
  if (current === undefined || settings.allowRollback) return
  if (signedAt !== undefined) {
    if (isOlder(signedAt, current.signedAt)) throw rolledBack('was signed before the one that is in force')
  } else if ((compareVersions(version, current.version) ?? 0) < 0)
    throw rolledBack(`has a lower version than '${current.version}', which is in force`)
}

function isOlder(signedAt: number | undefined, than: number | undefined): boolean {
  return signedAt !== undefined && than !== undefined && signedAt < than
}

function rolledBack(why: string): PolicyError {
  return new PolicyError('rolled_back', `the policy ${why}`)
}
