import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Outcome } from '../../src/guard/control.ts'
import { control } from '../../src/guard/control.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { asStream, bareGuard, type Behaviours, type Event, openGuard, traced } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

const behaviour = fc.constantFrom('absent' as const, 'sync' as const, 'sync' as const, 'async' as const, 'refuse' as const, 'throw' as const)
const behaviours: fc.Arbitrary<Behaviours> = fc.record({
  enter: behaviour,
  request: behaviour,
  response: behaviour,
  leave: behaviour,
  at: fc.nat({ max: 3 }),
})
const answer = fc.oneof(
  fc.record({ kind: fc.constantFrom('value' as const, 'promise' as const, 'throw' as const, 'reject' as const) }),
  fc.record({
    kind: fc.constant('stream' as const),
    form: fc.constantFrom('generator' as const, 'readable' as const),
    parts: fc.array(fc.integer(), { maxLength: 4 }),
    failAfter: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
  }),
)
const reader = fc.record({
  kind: fc.constantFrom('all' as const, 'leave' as const, 'abort' as const, 'never' as const),
  after: fc.nat({ max: 4 }),
})
// As JSON writes it: it has one zero.
const json = fc
  .json({ maxDepth: 3 })
  .filter((text) => !text.includes('__proto__'))
  .map((text) => JSON.parse(JSON.stringify(JSON.parse(text))) as unknown)

interface Seen {
  readonly trace: Event[]
  readonly delivered: unknown[]
  readonly error: unknown
  readonly runs: unknown[]
}

type AnswerShape = typeof answer extends fc.Arbitrary<infer T> ? T : never
type ReaderShape = typeof reader extends fc.Arbitrary<infer T> ? T : never

async function play(controls: readonly Behaviours[], input: unknown, shape: AnswerShape, how: ReaderShape): Promise<Seen> {
  const trace: Event[] = []
  const runs: unknown[] = []
  const delivered: unknown[] = []
  let chain = openGuard()
  for (const [place, each] of controls.entries()) chain = chain.use(traced(place, each, trace)) as typeof chain
  const abort = new AbortController()
  const protectedFunction = chain.protect((own: unknown): unknown => {
    trace.push({ phase: 'run', control: -1, detail: own })
    runs.push(own)
    if (shape.kind === 'throw') throw new Error('the function broke')
    if (shape.kind === 'reject') return Promise.reject(new Error('the function broke'))
    if (shape.kind === 'stream') return asStream(shape.parts, shape.form, shape.failAfter)
    return shape.kind === 'value' ? 'answer' : Promise.resolve('answer')
  }, operation)
  let error: unknown
  try {
    const result = await protectedFunction(input, { signal: abort.signal })
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
      const parts = result as AsyncIterableIterator<unknown>
      if (how.kind === 'never') await parts.return?.()
      else {
        for await (const part of parts) {
          delivered.push(part)
          if (how.kind === 'leave' && delivered.length > how.after) break
          if (how.kind === 'abort' && delivered.length > how.after) abort.abort()
        }
      }
      assert.deepEqual(await parts.next(), { done: true, value: undefined }, 'an ended stream has no more parts')
    } else delivered.push(result)
  } catch (caught) {
    error = caught
  }
  return { trace, delivered, error, runs }
}

test('phases keep their order, every entered control leaves exactly once, and nothing is delivered after a refusal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(behaviours, { minLength: 1, maxLength: 4 }), json, answer, reader, async (controls, input, shape, how) => {
      const { trace, delivered, error, runs } = await play(controls, input, shape, how)
      const of = (phase: Event['phase']): number[] => trace.filter((event) => event.phase === phase).map((event) => event.control)
      const ascending = (list: readonly number[]): boolean => list.every((value, index) => index === 0 || value > (list[index - 1] ?? -1))

      assert.ok(ascending(of('enter')), 'enter: outermost first')
      assert.ok(ascending(of('request')), 'request: outermost first')
      assert.ok(ascending([...of('leave')].reverse()), 'leave: innermost first, nobody twice')
      const position = (phase: Event['phase']): number[] => trace.flatMap((event, index) => (event.phase === phase ? [index] : []))
      assert.ok(
        Math.max(-1, ...position('enter')) < Math.min(Number.POSITIVE_INFINITY, ...position('request')),
        'every enter before the first request',
      )
      assert.ok(Math.max(-1, ...position('request')) < Math.min(Number.POSITIVE_INFINITY, ...position('run')), 'every request before the function')
      assert.ok(runs.length <= 1, 'the function runs at most once')

      // Entered: every control up to the first whose enter failed, that one included.
      const firstFailing = controls.findIndex(({ enter }) => enter === 'refuse' || enter === 'throw')
      const entered = firstFailing === -1 ? controls.length : firstFailing + 1
      assert.deepEqual(
        [...of('leave')].reverse(),
        Array.from({ length: entered }, (_, index) => index),
        'exactly those that were entered leave',
      )

      const refusesBefore = controls.some(({ enter, request }) => [enter, request].some((each) => each === 'refuse' || each === 'throw'))
      if (refusesBefore) {
        assert.equal(runs.length, 0, 'a refused call does not run')
        assert.ok(isGuardError(error))
        assert.deepEqual(delivered, [])
      } else {
        assert.deepEqual(runs, [JSON.parse(JSON.stringify(input))], 'what runs is what was given')
      }

      // Each part goes through the controls from the inside out, and only what went through all is delivered.
      const responding = controls.flatMap(({ response }, index) => (response === 'absent' ? [] : [index])).reverse()
      const outermost = responding.at(-1)
      const parts = trace.filter((event) => event.phase === 'part')
      for (const part of parts)
        assert.ok(part.control === responding[0] || parts.some((before) => before.control > part.control && before.detail === part.detail))
      if (outermost !== undefined && how.kind !== 'never')
        assert.ok(delivered.length <= parts.filter((part) => part.control === outermost).length, 'nothing passes a control unseen')

      // Outcomes: all controls learn of the same ending, unless a neighbour's leave failed on the way out.
      const outcomes = trace.filter((event) => event.phase === 'leave').map((event) => event.detail as Outcome)
      for (const outcome of outcomes) {
        assert.equal(outcome.ran, runs.length === 1)
        if (outcome.ending === 'completed') assert.equal(outcome.error, undefined)
      }
      const outer = outcomes.at(-1)
      const firstLeaveFails = controls[0]?.leave === 'refuse' || controls[0]?.leave === 'throw'
      if (outer?.ending === 'completed' && !firstLeaveFails) assert.equal(error, undefined)
      if (outer !== undefined && outer.ending === 'refused') assert.ok(error !== undefined)
    }),
    { numRuns: 1_500 },
  )
})

test('the function gets what was authorized, but for declared rewrites', async () => {
  await fc.assert(
    fc.asyncProperty(json, fc.array(fc.option(json, { nil: undefined }), { maxLength: 4 }), async (input, rewrites) => {
      const plain = JSON.parse(JSON.stringify(input)) as unknown
      let chain = bareGuard()
      const inputs: unknown[] = []
      for (const [index, rewrite] of rewrites.entries())
        chain = chain.use(
          control(`rewrite-${index}`, {
            request(own) {
              inputs.push(own)
              return rewrite
            },
          }),
        ) as typeof chain
      const given = await chain.protect((own: unknown) => ({ own }), operation)(input)
      const expected = [plain]
      for (const rewrite of rewrites) expected.push(rewrite === undefined ? expected.at(-1) : (JSON.parse(JSON.stringify(rewrite)) as unknown))
      assert.deepEqual(inputs, expected.slice(0, -1))
      assert.deepEqual(given.own, expected.at(-1))
    }),
    { numRuns: 300 },
  )
})
