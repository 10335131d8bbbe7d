/** Whether a value will do, and the words that say what would. */
export type Check = readonly [accepts: (value: unknown) => boolean, wanted: string]

/**
 * Checks the options of a factory, strictly: every name is known and every value will do.
 *
 * By hand and not by a schema: this stands in the part that every user loads, where a schema library would be half of what
 * is loaded.
 *
 * @throws TypeError that names the factory and the option.
 */
export function checkOptions(factory: string, options: unknown, checks: Readonly<Record<string, Check>>): void {
  checkNames(factory, options, Object.keys(checks))
  for (const [name, [accepts, wanted]] of Object.entries(checks))
    if (!accepts((options as Readonly<Record<string, unknown>>)[name])) throw new TypeError(`${factory}: ${name}: must be ${wanted}`)
}

/** Checks only that options are an object without unknown names. @throws TypeError */
export function checkNames(factory: string, options: unknown, names: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${factory}: the options must be an object`)
  const unknown = Object.keys(options).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${factory}: there is no option ${unknown.join(', ')}`)
}

/** The same, or left out. */
export function optional(accepts: Check[0]): Check[0] {
  return (value) => value === undefined || accepts(value)
}

export function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

/** One of a few words. */
export function oneOf(...words: readonly string[]): Check {
  return [(value) => typeof value === 'string' && words.includes(value), words.map((word) => `'${word}'`).join(words.length > 2 ? ', ' : ' or ')]
}

/** Has these methods, as an implementation of a port does. */
export function hasMethods(...names: readonly string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' && value !== null && names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function')
}
