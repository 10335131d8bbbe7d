import type { GuardDescription } from '../guard/guard.ts'
import type { DescribedControl, Gap, Severity } from './gap.ts'
import { findIdentityGaps } from './identity-gaps.ts'
import { findLimitGaps } from './limit-gaps.ts'
import { findPayloadGaps } from './payload-gaps.ts'
import { findPolicyGaps } from './policy-gaps.ts'
import { findRecordGaps } from './record-gaps.ts'

/** What a guard covers, and what it does not. */
export interface GuardPosture {
  /** The guard's name. */
  readonly guard: string
  /** Its controls in order, outermost first, each with what it makes sure of; null for one of your own. */
  readonly covered: readonly { readonly control: string; readonly ensures: string | null }[]
  /** The worst first. */
  readonly gaps: readonly Gap[]
}

/** From the worst. */
export const severities: readonly Severity[] = ['high', 'medium', 'low']

/** What each built-in control makes sure of. */
const ensures: Readonly<Record<string, string>> = {
  audit: 'A record of every decision and every outcome stands before the caller sees an answer.',
  verifyIdentity: 'Every caller is verified at every call, and again while an answer streams.',
  encryptPayload: 'Payloads are sealed to this service and to the caller.',
  rateLimit: 'What callers consume is bounded, also while an answer streams.',
  authorize: 'Policy permits every call by name, and is asked again while an answer streams.',
  maskData: 'What must not be seen is replaced in every text, however a stream is cut.',
  shapeAnswers: 'Answers hold no more of the model than policy grants.',
  killSwitch: 'A model, a tool, a tenant or all can be switched off within a second.',
  webauthnStepUp: 'Single calls can require a passkey.',
}

/**
 * What a guard covers and where its gaps are, for a report at start-up and a check before a deployment. It knows what the guard
 * tells of itself: not how the application is run, and nothing of what a control or an evaluator of your own does.
 *
 * ```ts
 * const { gaps } = posture(base.describe())
 * if (gaps.some(({ severity }) => severity === 'high')) throw new Error(gaps.map(({ message }) => message).join(' '))
 * ```
 */
export function posture(description: GuardDescription): GuardPosture {
  const { name, controls } = description
  const gaps: Gap[] = []
  const described = { controls, gaps }
  findRecordGaps(described)
  findIdentityGaps(described)
  findPolicyGaps(described)
  findLimitGaps(described)
  findPayloadGaps(described)
  findEngineGaps(description, gaps)
  const rank = ({ severity }: Gap): number => severities.indexOf(severity)
  return {
    guard: name,
    covered: controls.filter(({ name: control }) => control !== 'unaudited').map(covered),
    gaps: gaps.sort((one, other) => rank(one) - rank(other)),
  }
}

function covered({ name }: DescribedControl): GuardPosture['covered'][number] {
  return { control: name, ensures: Object.hasOwn(ensures, name) ? (ensures[name] ?? null) : null }
}

const longestCall = 600_000

function findEngineGaps({ controls, deadline }: GuardDescription, gaps: Gap[]): void {
  const missing = ['verifyIdentity', 'authorize'].filter((name) => !controls.some((control) => control.name === name))
  if (missing.length > 0)
    gaps.push({
      code: 'incomplete',
      severity: 'high',
      control: null,
      message: `The chain is not complete, so it protects nothing yet: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
      remedy: 'Describe the guard with all its controls.',
    })
  if (deadline > longestCall)
    gaps.push({
      code: 'long_deadline',
      severity: 'low',
      control: null,
      message: `A call may last ${Math.round(deadline / 60_000)} minutes.`,
      remedy: 'Give guard a deadline of what your longest answers need.',
    })
}
