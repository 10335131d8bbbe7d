import type { Json } from '../guard/context.ts'
import type { AttributeType, AttributeTypes, entityAttributes, guardAttributes } from './attributes.ts'

/** No attribute is declared: every path may be used, and none is checked. */
export type Undeclared = Readonly<Record<never, never>>

/**
 * A policy as data: JSON, or an object that `definePolicy` checks.
 *
 * Nothing is permitted unless a rule permits it, and a matching `forbid` wins over every permit, in whatever order the
 * rules stand. Names of actions, types and ids are exact and case-sensitive; a trailing `*` makes a prefix of them, and
 * nothing else is a pattern.
 */
export interface Policy<A extends AttributeTypes = Undeclared> {
  readonly id: string
  /** Stands in every decision; `unversioned` unless given. */
  readonly version?: string
  /**
   * Paths and their types. Where a path of `subject`, `action`, `resource` or `context` is declared, every other path of
   * the same root that is used must be as well (or be one that a guard states by itself), so that a typo does not load.
   */
  readonly attributes?: A
  /** What a role includes. A role that inherits nothing need not be named. */
  readonly roles?: Readonly<Record<string, { readonly inherits?: string | readonly string[] }>>
  readonly rules: readonly Rule<NoInfer<A>>[]
}

/** One rule. What it leaves out does not narrow it. */
export interface Rule<A extends AttributeTypes = Undeclared> {
  /** Unique within the policy: what decisions and the log call it. */
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  /** Who: every member given must fit. `roles` fits a subject that has one of them, by inheritance too. */
  readonly subject?: {
    readonly type?: string | readonly string[]
    readonly id?: string | readonly string[]
    readonly roles?: string | readonly string[]
  }
  readonly action?: string | readonly string[]
  readonly resource?: { readonly type?: string | readonly string[]; readonly id?: string | readonly string[] }
  /** What must be true besides. What cannot be decided is neither true nor false. */
  readonly when?: When<A>
  /** Duties that come with a permit. A caller who has several permits has all their duties. */
  readonly obligations?: readonly PolicyObligation[]
}

/** A duty. Types beside these are for controls of one's own that claim them with `fulfills`. */
export type PolicyObligation =
  | { readonly type: 'max_output_tokens'; readonly value: number }
  | { readonly type: 'allow_tools'; readonly value: string | readonly string[] }
  | { readonly type: 'require_acr'; readonly value: string | readonly string[] }
  | { readonly type: 'require_binding'; readonly value?: 'dpop' | 'mtls' | 'any' }
  | { readonly type: 'no_stream' | 'require_approval' }
  | { readonly type: string; readonly [parameter: string]: Json }

type Root = 'subject' | 'action' | 'resource' | 'context'
type Standard = typeof entityAttributes & typeof guardAttributes
type DeclaredRoot<A> = keyof A extends infer P ? (P extends `${infer R extends Root}.${string}` ? R : never) : never
type OpenPath<A> = `${Exclude<Root, DeclaredRoot<A>>}.${string}`
type ClosedPath<A> = Exclude<keyof A & string, OpenPath<A>>
type StandardPath<A> = Exclude<keyof Standard, OpenPath<A> | keyof A>

/** The paths that a policy with these declarations may use. */
type Path<A extends AttributeTypes> = keyof A | OpenPath<A> | StandardPath<A> | `subject.claims.${string}`

/** Conditions; every entry must be true. Nests by `all`, `any` and `not`, with Kleene's three values. */
export type When<A extends AttributeTypes = Undeclared> = {
  readonly [P in OpenPath<A>]?: Tests<A>
} & { readonly [P in ClosedPath<A>]?: A[P] extends AttributeType ? TestsOf<A>[A[P]] : never } & {
  readonly [P in StandardPath<A>]?: TestsOf<A>[Standard[P]]
} & {
  readonly [P in `subject.claims.${string}`]?: Tests<A>
} & { readonly all?: readonly When<A>[]; readonly any?: readonly When<A>[]; readonly not?: When<A> }

/** An operand that is another attribute of the same request. */
interface PathOperand<P = string> {
  readonly path: P
}

type Or<T, A extends AttributeTypes> = T | PathOperand<Path<A>>

interface Equality<T, A extends AttributeTypes> {
  readonly eq?: Or<T, A>
  readonly ne?: Or<T, A>
  readonly in?: Or<readonly T[], A>
  readonly notIn?: Or<readonly T[], A>
  readonly exists?: boolean
}

/** Tests of a text. */
interface StringTests<A extends AttributeTypes = Undeclared> extends Equality<string, A> {
  readonly startsWith?: Or<string, A>
  readonly endsWith?: Or<string, A>
  /** Only where the path is declared as `string`; elsewhere `contains` asks a list. */
  readonly contains?: Or<string, A>
  /** IPv4 or IPv6 networks, such as `10.0.0.0/8`. */
  readonly cidr?: string | readonly string[]
}

/** Tests of a finite number. */
interface NumberTests<A extends AttributeTypes = Undeclared> extends Equality<number, A> {
  readonly lt?: Or<number, A>
  readonly lte?: Or<number, A>
  readonly gt?: Or<number, A>
  readonly gte?: Or<number, A>
  /** Both ends included. */
  readonly between?: readonly [low: number, high: number]
}

/** Tests of a list. */
interface ListTests<T, A extends AttributeTypes = Undeclared> {
  readonly contains?: Or<T, A>
  readonly containsAny?: Or<readonly T[], A>
  readonly containsAll?: Or<readonly T[], A>
  readonly exists?: boolean
}

interface TestsOf<A extends AttributeTypes> {
  readonly string: StringTests<A>
  readonly number: NumberTests<A>
  readonly boolean: Equality<boolean, A>
  readonly 'string[]': ListTests<string, A>
  readonly 'number[]': ListTests<number, A>
}

type Scalar = string | number | boolean

/** Tests of an attribute whose type is not declared. */
interface Tests<A extends AttributeTypes = Undeclared>
  extends Equality<Scalar, A>,
    Omit<StringTests<A>, keyof Equality<Scalar, A> | 'contains'>,
    Omit<NumberTests<A>, keyof Equality<Scalar, A>>,
    Omit<ListTests<Scalar, A>, 'exists'> {}
