/** The types that an attribute can be declared to have. */
export type AttributeType = 'string' | 'number' | 'boolean' | 'string[]' | 'number[]'

/** Attribute paths and their types. */
export type AttributeTypes = Readonly<Record<string, AttributeType>>

/** Names of types, for a check at load. */
export const attributeTypes: readonly string[] = ['string', 'number', 'boolean', 'string[]', 'number[]'] satisfies readonly AttributeType[]

/** What every request has (AuthZEN): always of this type. */
export const entityAttributes = {
  'subject.type': 'string',
  'subject.id': 'string',
  'action.name': 'string',
  'resource.type': 'string',
  'resource.id': 'string',
} as const

/**
 * What a guard states by itself, beside what every request has. `subject.*` comes from the verified identity, `action.*`
 * from the payload, `context.*` from the transport. Beside these stand `subject.claims.*`, and `subject.actors` (who acts
 * for the subject, nearest first) for engines that can read lists of objects.
 *
 * - `subject.key` issuer and subject together: the one name of a caller; `subject.id` alone is unique only under one issuer
 * - `subject.delegated` whether somebody acts for the subject
 * - `subject.acr`, `subject.amr`, `subject.authenticatedAt` how it was authenticated; milliseconds since 1970
 * - `action.opaque` how many pieces of content are no text
 */
export const guardAttributes = {
  'subject.key': 'string',
  'subject.issuer': 'string',
  'subject.tenant': 'string',
  'subject.roles': 'string[]',
  'subject.scopes': 'string[]',
  'subject.delegated': 'boolean',
  'subject.acr': 'string',
  'subject.amr': 'string[]',
  'subject.authenticatedAt': 'number',
  'subject.binding': 'string',
  'action.model': 'string',
  'action.tools': 'string[]',
  'action.stream': 'boolean',
  'action.maxOutputTokens': 'number',
  'action.choices': 'number',
  'action.opaque': 'number',
  'context.secure': 'boolean',
  'context.method': 'string',
  'context.tlsVersion': 'string',
  'context.remoteAddress': 'string',
} as const
