import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '../../src/guard/context.ts'
import { control } from '../../src/guard/control.ts'
import { bareGuard } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

test('a call may be made for a live call: one task through all of them', async () => {
  const chain = bareGuard()
  const inner = chain.protect((_input: null, call) => call, operation)
  const { outer, made } = await chain.protect(async (_input: null, call) => ({ outer: call.id, made: await inner(null, { onBehalfOf: call }) }), {
    ...operation,
  })(null)
  assert.equal(made.task, outer)
  assert.equal(made.parent?.id, outer)
  assert.notEqual(made.id, outer)
})

test('refuses a finished call, a copy of a live one, and a call together with credentials', async () => {
  const chain = bareGuard()
  const inner = chain.protect(() => 1, operation)
  let kept: Call | undefined
  await chain.protect(async (_input: null, call) => {
    kept = call
    await assert.rejects(inner(null, { onBehalfOf: { ...call } }), TypeError)
    await assert.rejects(inner(null, { onBehalfOf: call, credentials: { authorization: 'Bearer x' } }), TypeError)
    return 1
  }, operation)(null)
  assert.ok(kept !== undefined)
  await assert.rejects(inner(null, { onBehalfOf: kept }), TypeError)
  await assert.rejects(inner(null, { onBehalfOf: { id: 'x' } as never }), TypeError)
})

test('ends with the call that it was made for', async () => {
  const chain = bareGuard()
  let child: Promise<unknown> | undefined
  let signal: AbortSignal | undefined
  const inner = chain.protect((_input: null, call) => {
    signal = call.signal
    return new Promise(() => {})
  }, operation)
  await chain.protect((_input: null, call) => {
    child = inner(null, { onBehalfOf: call })
    child.catch(() => {})
    return sleep(5).then(() => 1)
  }, operation)(null)
  await assert.rejects(child ?? Promise.resolve(), { code: 'aborted' })
  assert.equal(signal?.aborted, true)
})

test('bounds how deep a task may go, and how wide', async () => {
  const chain = bareGuard()
  let depth = 0
  const nest = chain.protect(async (_input: null, call): Promise<number> => {
    depth++
    return (await nest(null, { onBehalfOf: call })) as number
  }, operation) as (input: null, request?: object) => Promise<unknown>
  await assert.rejects(nest(null), { code: 'denied' })
  assert.equal(depth, 17)
  const leaf = chain.protect(() => 1, operation)
  await chain.protect(async (_input: null, call) => {
    for (let count = 0; count < 1_000; count++) await leaf(null, { onBehalfOf: call })
    await assert.rejects(leaf(null, { onBehalfOf: call }), { code: 'denied' })
    return 1
  }, operation)(null)
})

test('credentials are gone once somebody is known', async () => {
  const seen: unknown[] = []
  const chain = bareGuard().use(control('look', { enter: (call) => void seen.push(call.credentials) }))
  await chain.protect((_input: null, call) => void seen.push(call.credentials), operation)(null, { credentials: { authorization: 'Bearer secret' } })
  assert.deepEqual(seen, [undefined, undefined])
})

test('refuses wrong call options with a TypeError, before anything runs', async () => {
  const call = bareGuard().protect(() => 1, operation) as (input: unknown, request: unknown) => Promise<unknown>
  for (const wrong of [
    null,
    { signal: {} },
    { deadline: 0 },
    { deadline: '5' },
    { credentials: { authorization: 1 } },
    { credentials: 'x' },
    { channel: {} },
    { channel: { secure: 'yes' } },
    { attributes: { when: new Date() } },
  ])
    await assert.rejects(call(null, wrong), TypeError, JSON.stringify(wrong))
})
