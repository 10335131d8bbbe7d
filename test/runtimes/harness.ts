// What stands in for `node:test` in the bundle that every runtime runs: the same words, and tests that run one by one.

/** What a run says, in this order: the plan, each test as it ends, the end. What was made for others has neither. */
export type Report =
  | { readonly kind: 'plan'; readonly tests: readonly string[] }
  | { readonly kind: 'made'; readonly value: unknown }
  | { readonly kind: 'passed' | 'left out'; readonly test: string }
  | { readonly kind: 'failed'; readonly test: string; readonly error: string }
  | { readonly kind: 'end' }

/** What a run is told. */
export interface RunOptions {
  /** Tests that cannot run here: full names, or the beginning of them up to a ` > `. A file that is named is not loaded. */
  readonly leftOut?: readonly string[]
  /** Milliseconds that one test, or one hook, may take; 30 s unless given. */
  readonly timeout?: number
}

interface TestContext {
  readonly name: string
  /** Runs this once the test is over, whatever became of it. */
  after(hook: Hook): void
}

type Hook = () => unknown
type Body = (context: TestContext) => unknown

interface Test {
  readonly name: string
  readonly body: Body
}

interface Suite {
  readonly name: string
  readonly before: Hook[]
  readonly after: Hook[]
  readonly children: (Test | Suite)[]
}

/** Where what is declared now belongs; nothing while tests run. */
let current: Suite | undefined

/** Declares tests that belong together. */
export function describe(...given: readonly [name: string, declare: () => unknown]): void {
  const [name, declare] = given
  const outer = declaring(given)
  const suite = newSuite(`${outer.name} > ${name}`)
  outer.children.push(suite)
  current = suite
  try {
    if (declare() !== undefined) throw new TypeError(`'${suite.name}' returns something: a suite is declared at once`)
  } finally {
    current = outer
  }
}

/** Declares a test. */
export function test(...given: readonly [name: string, body: Body]): void {
  const [name, body] = given
  const suite = declaring(given)
  suite.children.push({ name: `${suite.name} > ${name}`, body })
}

/** Runs once before the tests of a suite. */
export function before(hook: Hook): void {
  declaring(['a hook', hook]).before.push(hook)
}

/** Runs once after the tests of a suite, whatever became of them. */
export function after(hook: Hook): void {
  declaring(['a hook', hook]).after.push(hook)
}

// Options are not known here, nor tests within tests: what was passed over in silence would be a test that did not run.
function declaring(given: readonly unknown[]): Suite {
  const [name, body] = given
  if (given.length !== 2 || typeof name !== 'string' || typeof body !== 'function') throw new TypeError('only a name and a function are known here')
  if (current === undefined) throw new TypeError(`'${name}' is declared while tests run`)
  return current
}

const newSuite = (name: string): Suite => ({ name, before: [], after: [], children: [] })

/** Loads every file, so that all tests are known, and runs them one by one. */
export async function run(
  files: Readonly<Record<string, () => Promise<unknown>>>,
  report: (report: Report) => void,
  { leftOut = [], timeout = 30_000 }: RunOptions = {},
): Promise<void> {
  const suites: Suite[] = []
  for (const [name, load] of Object.entries(files)) suites.push(leftOut.includes(name) ? notLoaded(name) : await declaredIn(name, load))
  report({ kind: 'plan', tests: suites.flatMap(testsOf).map((each) => each.name) })
  const isLeftOut = (name: string): boolean => leftOut.some((each) => name === each || name.startsWith(`${each} > `))
  for (const suite of suites) await runSuite(suite, { report, isLeftOut, timeout })
  report({ kind: 'end' })
}

async function declaredIn(name: string, load: () => Promise<unknown>): Promise<Suite> {
  const suite = newSuite(name)
  current = suite
  try {
    await load()
    if (testsOf(suite).length === 0) throw new Error('the file declares no test')
    return suite
  } catch (error) {
    const failing = { name: `${name} > the file loads`, body: () => Promise.reject(error) }
    return { ...newSuite(name), children: [failing] }
  } finally {
    current = undefined
  }
}

// What it needs to load may not be there. That something is left out is seen all the same.
function notLoaded(name: string): Suite {
  return { ...newSuite(name), children: [{ name: `${name} > all of it`, body: () => {} }] }
}

interface Run {
  readonly report: (report: Report) => void
  readonly isLeftOut: (name: string) => boolean
  readonly timeout: number
}

async function runSuite(suite: Suite, own: Run, broken?: string): Promise<void> {
  const isWanted = testsOf(suite).some(({ name }) => !own.isLeftOut(name))
  const failure = broken ?? (isWanted ? await failureOf(suite.before, own) : undefined)
  for (const child of suite.children) {
    if ('body' in child) own.report(await runTest(child, own, failure))
    else await runSuite(child, own, failure)
  }
  const error = isWanted && broken === undefined ? await failureOf(suite.after, own) : undefined
  if (error !== undefined) own.report({ kind: 'failed', test: `${suite.name} > what runs after it`, error })
}

async function runTest({ name, body }: Test, own: Run, broken: string | undefined): Promise<Report> {
  if (own.isLeftOut(name)) return { kind: 'left out', test: name }
  if (broken !== undefined) return { kind: 'failed', test: name, error: broken }
  const hooks: Hook[] = []
  const failure = await failureOf([() => body({ name, after: (hook) => void hooks.push(hook) })], own)
  const later = await failureOf(hooks, own)
  const error = failure ?? later
  return error === undefined ? { kind: 'passed', test: name } : { kind: 'failed', test: name, error }
}

const testsOf = (child: Test | Suite): Test[] => ('body' in child ? [child] : child.children.flatMap(testsOf))

/** What the first of these that fails says; each runs, whatever became of the others. */
async function failureOf(hooks: readonly Hook[], { timeout }: Run): Promise<string | undefined> {
  let failure: string | undefined
  for (const hook of hooks)
    try {
      await within(timeout, hook)
    } catch (error) {
      failure ??= error instanceof Error ? (error.stack ?? String(error)) : `thrown: ${String(error)}`
    }
  return failure
}

// As they are now: a test may put others in their place.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

async function within(milliseconds: number, task: Hook): Promise<void> {
  let timer: ReturnType<typeof startTimer> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = startTimer(() => reject(new Error(`it did not end within ${milliseconds} ms`)), milliseconds)
  })
  try {
    await Promise.race([(async () => task())(), late])
  } finally {
    stopTimer(timer)
  }
}
