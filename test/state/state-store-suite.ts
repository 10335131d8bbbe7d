import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { StateStore } from '../../src/state/state-store.ts'

/** A store under test, and its time. */
export interface StoreUnderTest {
  readonly store: StateStore
  /** Milliseconds since 1970. */
  now(): number
  /** Lets that many milliseconds pass, or more. */
  pass(milliseconds: number): Promise<void>
}

/** What every state store promises. `open` gives a store in which nobody has set what a test sets, more than once if asked. */
export function stateStoreSuite(name: string, open: () => StoreUnderTest | Promise<StoreUnderTest>, skip: string | false = false): void {
  // An empty list says that nothing is there.
  const read = async ({ store, now }: StoreUnderTest, ...keys: string[]): Promise<(string | undefined)[]> => {
    const values = await store.get(keys, now())
    return values.length === 0 ? keys.map(() => undefined) : [...values]
  }
  const never = Number.POSITIVE_INFINITY

  describe(`every state store: ${name}`, { skip }, () => {
    test('says once that a key is new, until it expires', async () => {
      const { store, now, pass } = await open()
      const expiresAt = now() + 40
      assert.equal(await store.add('once', expiresAt, now()), true)
      assert.equal(await store.add('once', expiresAt + 60_000, now()), false)
      await pass(80)
      assert.equal(await store.add('once', now() + 60_000, now()), true)
      assert.equal(await store.add('once', now() + 60_000, now()), false)
    })

    test('lets one of many win who add the same key at once', async () => {
      const { store, now } = await open()
      const answers = await Promise.all(Array.from({ length: 100 }, async () => store.add('race', now() + 60_000, now())))
      assert.equal(answers.filter((isNew) => isNew).length, 1)
      assert.equal(answers.filter((isNew) => isNew === false).length, 99)
    })

    test('gives values in the order of the keys, and nothing for what is not there', async () => {
      const opened = await open()
      const { store, now } = opened
      assert.deepEqual(await store.get([], now()), [])
      assert.deepEqual(await read(opened, 'order a'), [undefined])
      await store.set('order a', '1', now() + 60_000, now())
      await store.set('order b', '2', never, now())
      assert.deepEqual(await read(opened, 'order b', 'order none', 'order a', 'order b'), ['2', undefined, '1', '2'])
    })

    test('forgets a value when it expires, and with a newer value the older time', async () => {
      const opened = await open()
      const { store, now, pass } = opened
      await store.set('short', '1', now() + 40, now())
      await store.set('longer', '1', now() + 40, now())
      await store.set('longer', '2', never, now())
      await store.set('shorter', '1', never, now())
      await store.set('shorter', '2', now() + 40, now())
      await store.set('past', '1', never, now())
      await store.set('past', '2', now() - 1, now())
      assert.deepEqual(await read(opened, 'past', 'longer'), [undefined, '2'])
      await pass(80)
      assert.deepEqual(await read(opened, 'short', 'longer', 'shorter'), [undefined, '2', undefined])
    })

    test('keeps what is far off, however far', async () => {
      const opened = await open()
      const { store, now } = opened
      for (const [index, expiresAt] of [now() + 1e12, 8.64e15, 8.65e15, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, now() + 60_000.5].entries())
        await store.set(`far ${index}`, String(index), expiresAt, now())
      assert.deepEqual(await read(opened, 'far 0', 'far 1', 'far 2', 'far 3', 'far 4', 'far 5'), ['0', '1', '2', '3', '4', '5'])
    })

    test('knows one key by one name, whoever put it there', async () => {
      const opened = await open()
      const { store, now } = opened
      await store.set('both', '1', never, now())
      assert.equal(await store.add('both', never, now()), false)
      await store.add('added', never, now())
      assert.deepEqual(await read(opened, 'both', 'added'), ['1', ''])
      await store.set('added', '2', never, now())
      assert.deepEqual(await read(opened, 'added'), ['2'])
    })

    test('forgets what it is told to forget', async () => {
      const opened = await open()
      const { store, now } = opened
      await store.set('gone', '1', never, now())
      await store.delete('gone')
      await store.delete('never there')
      assert.deepEqual(await read(opened, 'gone'), [undefined])
      assert.equal(await store.add('gone', never, now()), true)
    })

    test('takes any text for a key and for a value, and tells them apart', async () => {
      const opened = await open()
      const { store, now } = opened
      const texts = ['', ' ', 'a b', '  a', '\r\n', '\0', '{a}b', '{a}c', '*', 'é', 'e\u0301', '\u{1F512}', '__proto__', '"', '\\', 'x'.repeat(5000)]
      for (const text of texts) await store.set(`text ${text}`, text, never, now())
      assert.deepEqual(await read(opened, ...texts.map((text) => `text ${text}`)), texts)
    })

    test('tells of every set until nobody listens', async () => {
      const { store, now, pass } = await open()
      const told: string[] = []
      const listen = (mark: string) => store.subscribe((key) => void (key !== '' && told.push(`${mark} ${key}`)))
      const stopFirst = listen('first')
      const twice = (key: string): void => void (key !== '' && told.push(`twice ${key}`))
      const stopTwice = store.subscribe(twice)
      const stopAgain = store.subscribe(twice)
      await store.set('told a b', '1', now() + 60_000, now())
      stopFirst()
      stopFirst()
      stopTwice()
      await store.set('told c', '1', never, now())
      await store.add('told d', never, now())
      await store.delete('told a b')
      stopAgain()
      await store.set('told e', '1', never, now())
      await pass(20)
      assert.deepEqual(told.sort(), ['first told a b', 'twice told a b', 'twice told a b', 'twice told c'])
    })

    test('takes no time that is none', async () => {
      const { store, now } = await open()
      await assert.rejects(async () => store.add('time', Number.NaN, now()), TypeError)
      await assert.rejects(async () => store.set('time', '1', Number.NaN, now()), TypeError)
      assert.equal(await store.add('time', never, now()), true)
    })

    test('does as a map would do', async () => {
      let round = 0
      const step = fc.record({ kind: fc.constantFrom('add', 'set', 'delete', 'get'), key: fc.constantFrom('a', 'b', 'c'), value: fc.string() })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const opened = await open()
          const { store, now } = opened
          const model = new Map<string, string>()
          round++
          for (const { kind, key: name, value } of steps) {
            const key = `map ${round} ${name}`
            if (kind === 'get') assert.deepEqual(await read(opened, key), [model.get(key)])
            else if (kind === 'delete') {
              await store.delete(key)
              model.delete(key)
            } else if (kind === 'add') {
              assert.equal(await store.add(key, never, now()), !model.has(key))
              if (!model.has(key)) model.set(key, '')
            } else {
              await store.set(key, value, never, now())
              model.set(key, value)
            }
          }
        }),
        { numRuns: 30 },
      )
    })

    test('says what it is, as plain data', async () => {
      const { store } = await open()
      const description = store.describe()
      assert.equal(typeof description.kind, 'string')
      assert.deepEqual(JSON.parse(JSON.stringify(description)), description)
    })
  })
}
