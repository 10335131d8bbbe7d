import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { control } from '../../src/guard/control.ts'
import { treatWhole, WholeAnswer } from '../../src/guard/whole-answer.ts'
import { bareGuard } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

async function partsOf(parts: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const part of parts) all.push(part)
  return all
}

const twice = (value: unknown): string => `${String(value)}${String(value)}`
const later = async (value: unknown): Promise<string> => {
  await Promise.resolve()
  return `${String(value)}!`
}

describe('a whole answer', () => {
  test('is treated innermost first, at once where nothing has to be waited for', () => {
    const answer = treatWhole(treatWhole(WholeAnswer.of('a'), twice), (value) => `${String(value)}.`)
    assert.ok(answer instanceof WholeAnswer)
    assert.equal(answer.take(), 'aa.')
  })

  test('is waited for where one of those who treat it takes his time', async () => {
    const answer = treatWhole(treatWhole(WholeAnswer.of('a'), later), twice) as WholeAnswer
    assert.equal(await answer.take(), 'a!a!')
  })

  test('is a stream of one part for whoever takes it for a stream', async () => {
    assert.deepEqual(await partsOf(treatWhole(WholeAnswer.of('a'), later)), ['a!'])
  })

  test('is given once', async () => {
    const answer = WholeAnswer.of('a')
    assert.deepEqual(await partsOf(answer), ['a'])
    assert.deepEqual(await partsOf(answer), [])
    assert.throws(() => answer.take(), { code: 'misconfigured' })
  })

  test('is not given any more to a reader who has left', async () => {
    const answer = WholeAnswer.of('a')
    const reader = answer[Symbol.asyncIterator]()
    await reader.return?.()
    assert.deepEqual(await reader.next(), { done: true, value: undefined })
  })

  test('is not read before somebody asks for it', () => {
    let asked = 0
    const answer = treatWhole(WholeAnswer.of('a'), (value) => ++asked && value) as WholeAnswer
    assert.equal(asked, 0)
    answer.take()
    assert.equal(asked, 1)
  })

  test('of a control that makes parts of its own is treated all the same', async () => {
    async function* own(): AsyncGenerator<string> {
      yield 'a'
    }
    assert.deepEqual(await partsOf(treatWhole(own(), later)), ['a!'])
  })
})

describe('a control of ones own among those that know what a whole answer is', () => {
  const knowing = control('knowing', { response: (parts) => treatWhole(parts, twice) })
  const own = control('own', {
    async *response(parts) {
      for await (const part of parts) yield `<${String(part)}>`
    },
  })

  test('stands further out', async () => {
    const chain = bareGuard().use(own).use(knowing)
    assert.equal(await chain.protect(() => 'a', operation)(null), '<aa>')
  })

  test('stands further in', async () => {
    const chain = bareGuard().use(knowing).use(own)
    assert.equal(await chain.protect(() => 'a', operation)(null), '<a><a>')
  })

  test('refuses the call where it swallows the answer', async () => {
    const swallowing = control('swallowing', {
      // biome-ignore lint/correctness/useYield: it gives nothing
      async *response(parts) {
        for await (const _ of parts);
      },
    })
    for (const chain of [bareGuard().use(knowing).use(swallowing), bareGuard().use(swallowing).use(knowing)])
      await assert.rejects(chain.protect(() => 'a', operation)(null), { code: 'misconfigured' })
  })

  test('refuses the call where it reads the answer and hands the same parts on', async () => {
    const greedy = control('greedy', {
      response(parts) {
        const reader = parts[Symbol.asyncIterator]()
        void reader.next()
        return parts
      },
    })
    const chain = bareGuard().use(knowing).use(greedy)
    await assert.rejects(chain.protect(() => 'a', operation)(null), { code: 'misconfigured' })
  })
})
