import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call, Guarded, Identity } from '../../src/index.ts'
import { control } from '../../src/index.ts'
import { mockGuard } from '../../src/testing/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_equal: Same<A, B>): void {}

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } }

// Most of this file is for the compiler; that it compiles is the test.
test('types need no cast: context, input, output and streams are inferred', async () => {
  const base = mockGuard({ identity: { subject: 'ada' } }).use(control('extra', { enter: (call) => ({ initial: call.identity.subject[0] ?? '' }) }))
  const whole = base.protect((input: { a: number }, call) => {
    same<typeof call.initial, string>(true)
    same<typeof call.identity, Identity>(true)
    return Promise.resolve({ b: input.a, initial: call.initial })
  }, operation)
  same<Awaited<ReturnType<typeof whole>>, { b: number; initial: string }>(true)
  assert.deepEqual(await whole({ a: 1 }), { b: 1, initial: 'a' })

  const streamed = base.protect(async function* (input: string) {
    yield input.length
  }, operation)
  same<Awaited<ReturnType<typeof streamed>>, AsyncIterableIterator<number>>(true)
  same<Guarded<ReadableStream<Uint8Array>>, AsyncIterableIterator<Uint8Array>>(true)
  for await (const part of await streamed('abc')) assert.equal(part, 3)

  // The operation's functions know the input.
  base.protect((input: { model: string }) => input.model, { action: 'chat', resource: (input) => ({ type: 'model', id: input.model }) })
  // @ts-expect-error There is no such member.
  base.protect((input: { model: string }) => input.model, { action: 'chat', resource: (input) => ({ type: 'model', id: input.modell }) })
  // @ts-expect-error The input has another type.
  void whole({ a: 'one' }).catch(() => {})
  // @ts-expect-error Nobody added this.
  base.protect((_input: null, call: Call & { missing: string }) => call.missing, operation)
})
