/** How a client is called. */
export interface PathOptions {
  /** Arguments with which each method is called, one list after the other. */
  readonly argumentLists: readonly (readonly unknown[])[]
  /** Members that lead away from the client, or nowhere by `fetch`. */
  readonly leaveOut?: RegExp
  /** What else to call, by a name of its own. */
  readonly more?: Readonly<Record<string, () => unknown>>
}

/**
 * Calls every method of whatever hangs on a client, however deep, with each list of arguments, and reads what comes back to its
 * end. Most calls are wrong in some way: what counts is what leaves.
 */
export async function callEveryPath(client: object, { argumentLists, leaveOut = /^$/, more = {} }: PathOptions): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  const running: Promise<void>[] = []
  const run = (name: string, make: () => unknown): void => {
    names.add(name)
    running.push(settled(make))
  }
  const { error: report, warn } = console
  const { setTimeout: wait } = globalThis
  // Called with nonsense, clients leave timers behind; these must not keep the process from ending.
  globalThis.setTimeout = Object.assign((...list: Parameters<typeof wait>) => wait(...list).unref(), wait)
  // Some helpers write the errors that they collect.
  console.error = () => {}
  console.warn = () => {}
  try {
    for (const [path, holder, method] of methodsUnder(client, leaveOut)) {
      const fn: unknown = Reflect.get(holder, method)
      if (typeof fn !== 'function') continue
      for (const list of argumentLists) run(path, () => Reflect.apply(fn, holder, list))
    }
    for (const [name, make] of Object.entries(more)) run(name, make)
    await Promise.all(running)
  } finally {
    globalThis.setTimeout = wait
    console.error = report
    console.warn = warn
  }
  return names
}

async function settled(make: () => unknown): Promise<void> {
  try {
    const value: unknown = await make()
    if (typeof value !== 'object' || value === null) return
    const response = 'response' in value ? value.response : value
    if (response instanceof Response) await response.body?.cancel()
    if ('done' in value && typeof value.done === 'function') await value.done()
    else if (Symbol.asyncIterator in value) {
      let parts = 0
      for await (const _ of value as AsyncIterable<unknown>) if (++parts >= 50) break
    }
  } catch {
    // Refused, or called with nonsense: either way nothing may have left.
  }
}

// The client itself, and every object that it or its classes' accessors lead to.
function* methodsUnder(client: object, leaveOut: RegExp): Generator<readonly [path: string, holder: object, method: string]> {
  const seen = new Set<object>([client])
  const waiting: (readonly [string, object, number])[] = [['', client, 0]]
  for (const [path, holder, depth] of waiting)
    for (const name of namesOf(holder)) {
      if (leaveOut.test(path + name)) continue
      const value = read(holder, name)
      if (typeof value === 'function') yield [path + name, holder, name]
      else if (depth < 6 && typeof value === 'object' && value !== null && !seen.has(value) && isOfClass(value)) {
        seen.add(value)
        waiting.push([`${path}${name}.`, value, depth + 1])
      }
    }
}

function read(holder: object, name: string): unknown {
  try {
    return Reflect.get(holder, name)
  } catch {
    return undefined
  }
}

function isOfClass(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype !== null && prototype !== Object.prototype && prototype !== Array.prototype
}

function namesOf(holder: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = holder; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null)
    for (const name of Object.getOwnPropertyNames(at)) if (name !== 'constructor' && !name.startsWith('_')) names.add(name)
  return [...names]
}
