import { type Check, hasMethods, optional } from '../../guard/check-options.ts'

const schemaName = /^[a-z_][a-z0-9_]{0,39}$/

export const clientCheck: Check = [hasMethods('query'), 'a client with query()']

export const logCheck: Check = [
  (value) => typeof value === 'string' && value !== '' && value.length <= 256 && !value.includes('\0'),
  'the name of a log',
]

export const schemaCheck: Check = [
  optional((value) => typeof value === 'string' && schemaName.test(value)),
  'lower-case letters, digits and underscores',
]
