import type { Call, Known, Trusted } from './context.ts'
import type { Control } from './control.ts'

// One list of sentences: the compiler shows them as types, start-up throws them as messages.
export const sentences = {
  auditTwice: 'audit() is in the chain already: one is enough.',
  auditFirst: 'audit() comes first: put it before every other control of this package.',
  identityTwice: 'verifyIdentity() is in the chain already: give one all the verifiers.',
  identityLate: 'verifyIdentity() comes before encryptPayload(), authorize() and maskData().',
  sealedTwice: 'encryptPayload() is in the chain already: one is enough.',
  sealedLate: 'encryptPayload() comes right after verifyIdentity(): put it before rateLimit(), authorize() and maskData().',
  quotaTwice: 'rateLimit() stands at most once before verifyIdentity() and once after: put all limits into one.',
  quotaLate: 'rateLimit() comes before authorize() and maskData().',
  decisionTwice: 'authorize() is in the chain already: combine the evaluators.',
  decisionLate: 'authorize() comes before maskData().',
  needsIdentity: 'This control needs an identity: put verifyIdentity() before it.',
  needsDecision: 'This control needs a decision: put authorize() before it.',
  needsOther: 'This control needs something that no control before it adds.',
  protectIdentity: 'protect() needs an identity: put verifyIdentity() into the chain.',
  protectDecision: 'protect() needs a decision: put authorize() into the chain.',
  protectEntry: 'protect() needs a record: put audit() first in the chain, or say unaudited().',
} as const

type Sentences = typeof sentences
type Has<C, Name extends PropertyKey> = [Extract<keyof C, Name>] extends [never] ? false : true

declare const metered: unique symbol
/** Marks, for the compiler alone, that a `rateLimit` stands behind the identity. */
interface Metered {
  readonly [metered]?: true
}

/** What the context holds after a control that adds `A` was put behind `C`. */
export type Next<C extends Call, A> = 'quota' extends keyof A ? (Has<C, 'identity'> extends true ? C & A & Metered : C & A) : C & A

/** The sentence for a control that needs `N` and adds `A` and cannot stand behind `C`; `never` where it can. */
export type Misplaced<C, N, A> = 'entry' extends keyof A
  ? Has<C, 'entry'> extends true
    ? Sentences['auditTwice']
    : Has<C, keyof Known> extends true
      ? Sentences['auditFirst']
      : never
  : 'identity' extends keyof A
    ? Has<C, 'identity'> extends true
      ? Sentences['identityTwice']
      : Has<C, 'sealed' | 'decision' | 'masked'> extends true
        ? Sentences['identityLate']
        : never
    : 'sealed' extends keyof A
      ? Has<C, 'sealed'> extends true
        ? Sentences['sealedTwice']
        : Has<C, 'decision' | 'masked' | typeof metered> extends true
          ? Sentences['sealedLate']
          : Unmet<C, N>
      : 'quota' extends keyof A
        ? Has<C, 'decision' | 'masked'> extends true
          ? Sentences['quotaLate']
          : Has<C, typeof metered> extends true
            ? Sentences['quotaTwice']
            : [Has<C, 'quota'>, Has<C, 'identity'>] extends [true, false]
              ? Sentences['quotaTwice']
              : Unmet<C, N>
        : 'decision' extends keyof A
          ? Has<C, 'decision'> extends true
            ? Sentences['decisionTwice']
            : Has<C, 'masked'> extends true
              ? Sentences['decisionLate']
              : Unmet<C, N>
          : Unmet<C, N>

type Unmet<C, N> = C extends N
  ? never
  : 'identity' extends Exclude<keyof N, keyof C>
    ? Sentences['needsIdentity']
    : 'decision' extends Exclude<keyof N, keyof C>
      ? Sentences['needsDecision']
      : Sentences['needsOther']

/** What `protect` must be called on: a sentence where the chain is not complete. */
export type Unprotected<C> = C extends Trusted
  ? never
  : Has<C, 'identity'> extends false
    ? Sentences['protectIdentity']
    : Has<C, 'decision'> extends false
      ? Sentences['protectDecision']
      : Sentences['protectEntry']

/** The same rules for plain JavaScript: the sentence, or undefined where the control may stand here. */
export function misplaced(before: readonly Control<never, object>[], control: Control<never, object>): string | undefined {
  const has = (name: string): boolean => before.some((earlier) => earlier.adds.includes(name))
  const adds = (name: string): boolean => control.adds.includes(name)
  const anyKnown = ['identity', 'sealed', 'quota', 'decision', 'masked'].some(has)
  if (adds('entry')) return has('entry') ? sentences.auditTwice : anyKnown ? sentences.auditFirst : undefined
  if (adds('identity')) {
    if (has('identity')) return sentences.identityTwice
    return has('sealed') || has('decision') || has('masked') ? sentences.identityLate : undefined
  }
  const behindIdentity = before.slice(before.findIndex((earlier) => earlier.adds.includes('identity')))
  const isMetered = has('identity') && behindIdentity.some((earlier) => earlier.adds.includes('quota'))
  if (adds('sealed')) {
    if (has('sealed')) return sentences.sealedTwice
    if (has('decision') || has('masked') || isMetered) return sentences.sealedLate
  }
  if (adds('quota')) {
    if (has('decision') || has('masked')) return sentences.quotaLate
    if (isMetered || (has('quota') && !has('identity'))) return sentences.quotaTwice
  }
  if (adds('decision')) {
    if (has('decision')) return sentences.decisionTwice
    if (has('masked')) return sentences.decisionLate
  }
  const missing = control.needs.filter((name) => !has(name))
  if (missing.length === 0) return undefined
  if (missing.includes('identity')) return sentences.needsIdentity
  return missing.includes('decision') ? sentences.needsDecision : sentences.needsOther
}

/** The sentence for a chain that may not protect anything yet. */
export function unprotected(chain: readonly Control<never, object>[]): string | undefined {
  const has = (name: string): boolean => chain.some((control) => control.adds.includes(name))
  if (!has('identity')) return sentences.protectIdentity
  if (!has('decision')) return sentences.protectDecision
  return has('entry') ? undefined : sentences.protectEntry
}
