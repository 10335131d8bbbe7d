import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { isThenable } from '../guard/thenable.ts'
import { isStandardSchema } from '../payload/standard-schema.ts'
import { jsonTest } from './json-schema.ts'

/** Checks a frozen copy of a tool's arguments; what it gives is what is authorized and what runs. Rejects or throws where they are refused. */
export type ArgumentCheck = (args: unknown) => Awaitable<unknown>

/** Makes a test of a JSON Schema, as a validator of one's own does: `(schema) => ajv.compile(schema)`. */
export type Validate = (schema: object, name: string) => (args: unknown) => boolean

/**
 * The check of a tool's arguments by its schema: any Standard Schema, what the AI SDK makes of one (`jsonSchema()`, `zodSchema()`), or a
 * JSON Schema.
 *
 * @throws TypeError where there is none, or one that cannot be checked.
 */
export function argumentCheck(schema: unknown, name: string, validate: Validate | undefined): ArgumentCheck {
  if (isStandardSchema(schema)) {
    const standard = schema['~standard']
    return (args) =>
      later(
        attempt(() => standard.validate(args)),
        judgeStandard,
      )
  }
  // The AI SDK makes some schemas when they are first asked for.
  if (typeof schema === 'function') return argumentCheck((schema as () => unknown)(), name, validate)
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw new TypeError(`guardTools: the tool '${name}' has no schema of its arguments`)
  if (Symbol.for('vercel.ai.schema') in schema) return vendorCheck(schema, name, validate)
  return tested(testOf(schema, name, validate))
}

function testOf(schema: object, name: string, validate: Validate | undefined): (args: unknown) => unknown {
  if (validate === undefined) {
    try {
      return jsonTest(snapshotJson(schema))
    } catch (error) {
      const why = error instanceof TypeError ? `: ${error.message}` : ''
      throw new TypeError(`guardTools: the schema of the tool '${name}' cannot be checked${why}`, { cause: error })
    }
  }
  const test: unknown = validate(schema, name)
  if (typeof test !== 'function') throw new TypeError(`guardTools: options.validate gave no function for the tool '${name}'`)
  return (args) => (test as (args: unknown) => unknown)(args)
}

function tested(test: (args: unknown) => unknown): ArgumentCheck {
  return (args) => {
    // Anything but a plain yes is a no, a promise among them.
    if (attempt(() => test(args)) !== true) throw refused()
    return args
  }
}

function vendorCheck(schema: object, name: string, validate: Validate | undefined): ArgumentCheck {
  if ('validate' in schema && typeof schema.validate === 'function') {
    const check = schema.validate.bind(schema) as (args: unknown) => unknown
    return (args) =>
      later(
        attempt(() => check(args)),
        judgeVendor,
      )
  }
  const json: unknown = 'jsonSchema' in schema ? schema.jsonSchema : undefined
  if (isThenable(json)) {
    const check = Promise.resolve(json).then((known) => tested(testOf(known as object, name, validate)))
    // Whoever calls the tool hears of it.
    check.catch(() => {})
    return async (args) => (await check)(args)
  }
  if (typeof json !== 'object' || json === null) throw new TypeError(`guardTools: the tool '${name}' has no schema of its arguments`)
  return tested(testOf(json, name, validate))
}

function judgeStandard(result: unknown): unknown {
  if (typeof result !== 'object' || result === null) throw nonsense()
  // Its own words quote what it refuses.
  if ('issues' in result && result.issues !== undefined) throw refused()
  return 'value' in result ? result.value : undefined
}

function judgeVendor(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || !('success' in result)) throw nonsense()
  if (result.success !== true) throw refused()
  return 'value' in result ? result.value : undefined
}

function later(result: unknown, judge: (result: unknown) => unknown): Awaitable<unknown> {
  if (!isThenable(result)) return judge(result)
  return Promise.resolve(result).then(judge, (error: unknown) => {
    throw threw(error)
  })
}

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    throw threw(error)
  }
}

function refused(): GuardError {
  return new GuardError('payload_invalid', { reason: "the tool's schema refuses the arguments" })
}

function threw(cause: unknown): GuardError {
  return new GuardError('payload_invalid', { reason: "the tool's schema threw", cause })
}

function nonsense(): GuardError {
  return new GuardError('misconfigured', { reason: "the tool's schema answers nonsense" })
}
