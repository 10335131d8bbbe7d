import type * as cedar from '@cedar-policy/cedar-wasm'

/**
 * The functions of `@cedar-policy/cedar-wasm` that are used; the module itself will do, whichever of its builds fits the
 * runtime (`@cedar-policy/cedar-wasm/nodejs` on Node).
 */
export type CedarModule = Pick<
  typeof cedar,
  | 'checkParseEntities'
  | 'policySetTextToParts'
  | 'policyToJson'
  | 'policyToText'
  | 'preparsePolicySet'
  | 'preparseSchema'
  | 'schemaToJsonWithResolvedTypes'
  | 'schemaToText'
  | 'statefulIsAuthorized'
  | 'validate'
>

/** The names of those functions. */
export const cedarFunctions: readonly (keyof CedarModule)[] = [
  'checkParseEntities',
  'policySetTextToParts',
  'policyToJson',
  'policyToText',
  'preparsePolicySet',
  'preparseSchema',
  'schemaToJsonWithResolvedTypes',
  'schemaToText',
  'statefulIsAuthorized',
  'validate',
]

/**
 * The functions that are used, copied: what becomes of the module later changes nothing.
 *
 * Each stands apart from the code that calls it. V8 (in Node 20) builds calls of WebAssembly into JavaScript that runs often, and
 * ends the process where that code has to be given up in the middle of such a call, as happens when Cedar answers with an object
 * of a shape that was not seen before. Into a call of a proxy it builds nothing.
 */
export function apart(cedar: CedarModule): CedarModule {
  return Object.freeze({
    checkParseEntities: proxied(cedar.checkParseEntities),
    policySetTextToParts: proxied(cedar.policySetTextToParts),
    policyToJson: proxied(cedar.policyToJson),
    policyToText: proxied(cedar.policyToText),
    preparsePolicySet: proxied(cedar.preparsePolicySet),
    preparseSchema: proxied(cedar.preparseSchema),
    schemaToJsonWithResolvedTypes: proxied(cedar.schemaToJsonWithResolvedTypes),
    schemaToText: proxied(cedar.schemaToText),
    statefulIsAuthorized: proxied(cedar.statefulIsAuthorized),
    validate: proxied(cedar.validate),
  })
}

function proxied<F extends (...args: never[]) => unknown>(call: F): F {
  return new Proxy(call, {})
}

/** An entity's name in Cedar. */
export interface CedarUid {
  readonly type: string
  readonly id: string
}

/** One text for one entity: no type has this character. */
export function uidKey({ type, id }: CedarUid): string {
  return `${type}\n${id}`
}

/** What Cedar said of something that it does not take. */
export function complaintsOf(errors: readonly { readonly message: string; readonly help?: string | null }[]): string {
  return errors.map(({ message, help }) => (help === null || help === undefined ? message : `${message} (${help})`)).join('; ')
}

/** Whether Cedar takes a text for the name of a type: identifiers with `::` between them. */
export function isTypeName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/.test(text)
}
