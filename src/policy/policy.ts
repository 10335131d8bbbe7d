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
  /** For an editor: `./node_modules/sallyport/docs/policy.schema.json`. It says nothing here. */
  readonly $schema?: string
  readonly id: string
  /** Stands in every decision; `unversioned` unless given. */
  readonly version?: string
  /**
   * Paths and their types. Where a path of `subject`, `action`, `resource` or `context` is declared, every other path of
   * the same root that is used must be as well (or be one that a guard states by itself), so that a typo does not load.
   */
  readonly attributes?: A & Agreeing<A>
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
  /**
   * Duties that come with a permit: a caller who has several permits has all their duties. A `forbid` may carry `require_acr`,
   * `require_assurance` and `require_binding`, which tell a caller who has proved less what to come back with, and duties of
   * controls of one's own; no duty makes a permit of a denial.
   */
  readonly obligations?: readonly PolicyObligation[]
  /**
   * When the rule ends: at this moment it is no more. RFC 3339 with its zone, or milliseconds since 1970. Where nobody states
   * the time (`context.time`; a guard does), a permit that expires does not permit, and a forbid still forbids.
   */
  readonly expires?: Moment
}

/** A moment: RFC 3339 with its zone, such as `2026-12-31T23:00:00Z`, or milliseconds since 1970. */
export type Moment = string | number

/**
 * A window that comes back every day or every week, in the local time of a zone, as the runtime's table of zones has it.
 * One that lasts over midnight belongs to the day on which it begins.
 *
 * ```ts
 * const nights = { zone: 'Europe/Berlin', days: ['friday', 'saturday'], from: '22:00', to: '06:00' } satisfies TimeWindow
 * ```
 */
export type TimeWindow = {
  /** A name of the IANA time zone database, such as `Europe/Berlin`; or `UTC`. */
  readonly zone: string
} & (
  | { readonly days: Day | readonly Day[]; readonly from?: never; readonly to?: never }
  | {
      /** The days on which it begins; every day unless given. */
      readonly days?: Day | readonly Day[]
      /** `08:30`. */
      readonly from: string
      /** `18:00`: then it is over. `24:00` is the end of a day. */
      readonly to: string
    }
)

/** A day of the week. */
export type Day = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'

/** A duty. Types beside these are for controls of one's own that claim them with `fulfills`. */
export type PolicyObligation =
  | { readonly type: 'max_output_tokens'; readonly value: number }
  | { readonly type: 'allow_tools'; readonly value: string | readonly string[] }
  | { readonly type: 'require_acr'; readonly value: string | readonly string[] }
  | { readonly type: 'require_binding'; readonly value?: 'dpop' | 'mtls' | 'any' }
  | {
      readonly type: 'require_assurance'
      readonly acr?: string | readonly string[]
      readonly amr?: string | readonly string[]
      readonly maxAge?: number
      readonly factors?: number
    }
  | { readonly type: 'no_stream' | 'require_approval' | 'require_passkey' }
  | { readonly type: string; readonly [parameter: string]: Json }

type Root = 'subject' | 'action' | 'resource' | 'context'
type Standard = typeof entityAttributes & typeof guardAttributes
/** What a guard states has one type. */
type Agreeing<A extends AttributeTypes> = { readonly [P in keyof A & keyof Standard]: Standard[P] }
type DeclaredRoot<A> = keyof A extends infer P ? (P extends `${infer R extends Root}.${string}` ? R : never) : never
type OpenPath<A> = `${Exclude<Root, DeclaredRoot<A>>}.${string}`
type ClosedPath<A> = Exclude<keyof A & string, OpenPath<A>>
type StandardPath<A> = Exclude<keyof Standard, OpenPath<A> | keyof A>

/** What an identity may hold beside what is declared: nobody declares it, and any test fits. */
type OwnPath = `subject.claims.${string}` | `subject.posture.${string}`

/** The paths that a policy with these declarations may use. */
type Path<A extends AttributeTypes> = keyof A | OpenPath<A> | StandardPath<A> | OwnPath

/** Conditions; every entry must be true. Nests by `all`, `any` and `not`, with Kleene's three values. */
export type When<A extends AttributeTypes = Undeclared> = {
  readonly [P in OpenPath<A>]?: Tests<A>
} & { readonly [P in ClosedPath<A>]?: A[P] extends AttributeType ? TestsOf<A>[A[P]] : never } & {
  readonly [P in StandardPath<A>]?: TestsOf<A>[Standard[P]]
} & {
  readonly [P in OwnPath]?: Tests<A>
} & { readonly [P in keyof typeof entityAttributes]?: StringTests<A> & OnlyText } & {
  readonly all?: readonly When<A>[]
  readonly any?: readonly When<A>[]
  readonly not?: When<A>
}

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
  /** Of a time in milliseconds since 1970. At the moment itself it is no more before it. */
  readonly before?: Moment
  /** Of a time in milliseconds since 1970: at the moment, or later. */
  readonly after?: Moment
  /** Of a time in milliseconds since 1970: whether it falls in a window. */
  readonly during?: TimeWindow
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

/** What is always a text has no other tests, declared or not. */
type OnlyText = { readonly [P in Exclude<keyof Tests, keyof StringTests>]?: never }

/** Tests of an attribute whose type is not declared. */
interface Tests<A extends AttributeTypes = Undeclared>
  extends Equality<Scalar, A>,
    Omit<StringTests<A>, keyof Equality<Scalar, A> | 'contains'>,
    Omit<NumberTests<A>, keyof Equality<Scalar, A>>,
    Omit<ListTests<Scalar, A>, 'exists'> {}
