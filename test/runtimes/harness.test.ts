import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as harness from './harness.ts'

/** What a run of these files says, errors by their first line. */
async function reports(files: Readonly<Record<string, () => unknown>>, options: harness.RunOptions = {}): Promise<readonly unknown[]> {
  const said: unknown[] = []
  const loaders = Object.fromEntries(Object.entries(files).map(([name, load]) => [name, async () => load()]))
  await harness.run(
    loaders,
    (report) => said.push(report.kind === 'failed' ? [report.kind, report.test, report.error.split('\n', 1)[0]] : Object.values(report)),
    options,
  )
  return said
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('the harness', () => {
  test('runs tests one by one, in the order in which they stand, with the hooks around them', async () => {
    const order: string[] = []
    const note = (what: string) => async (): Promise<void> => {
      await sleep(1)
      order.push(what)
    }
    const said = await reports({
      first: () => {
        harness.test('outside', note('outside'))
        harness.describe('suite', () => {
          harness.before(note('before'))
          harness.after(note('after'))
          harness.test('one', async (t) => {
            t.after(note('after one'))
            await note('one')()
          })
          harness.describe('inner', () => harness.test('two', note('two')))
        })
      },
      second: () => harness.test('three', note('three')),
    })
    assert.deepEqual(order, ['outside', 'before', 'one', 'after one', 'two', 'after', 'three'])
    const names = ['first > outside', 'first > suite > one', 'first > suite > inner > two', 'second > three']
    assert.deepEqual(said, [['plan', names], ...names.map((name) => ['passed', name]), ['end']])
  })

  test('tells of a test that fails, whatever it throws, and goes on', async () => {
    const over: string[] = []
    const said = await reports(
      {
        file: () => {
          harness.test('asserts', () => assert.equal(1, 2, 'not equal'))
          harness.test('rejects', () => Promise.reject(new Error('rejected')))
          harness.test('throws a text', () => Promise.reject('text'))
          harness.test('cleans up', (t) => {
            t.after(() => over.push('first'))
            t.after(() => Promise.reject(new Error('second')))
            t.after(() => over.push('third'))
            throw new Error('the test itself')
          })
          harness.test('cannot clean up', (t) => t.after(() => assert.fail('left behind')))
          harness.test('hangs', () => new Promise(() => {}))
          harness.test('passes', () => {})
        },
      },
      { timeout: 50 },
    )
    assert.deepEqual(said.slice(1), [
      ['failed', 'file > asserts', 'AssertionError [ERR_ASSERTION]: not equal'],
      ['failed', 'file > rejects', 'Error: rejected'],
      ['failed', 'file > throws a text', 'thrown: text'],
      ['failed', 'file > cleans up', 'Error: the test itself'],
      ['failed', 'file > cannot clean up', 'AssertionError [ERR_ASSERTION]: left behind'],
      ['failed', 'file > hangs', 'Error: it did not end within 50 ms'],
      ['passed', 'file > passes'],
      ['end'],
    ])
    assert.deepEqual(over, ['first', 'third'])
  })

  test('fails what stands behind a hook that fails', async () => {
    let ran = 0
    const said = await reports({
      file: () => {
        harness.describe('first', () => {
          harness.before(() => Promise.reject(new Error('no start')))
          harness.after(() => Promise.reject(new Error('no end')))
          harness.test('one', () => ran++)
          harness.describe('inner', () => harness.test('two', () => ran++))
        })
        harness.test('three', () => {})
      },
    })
    assert.deepEqual(said.slice(1), [
      ['failed', 'file > first > one', 'Error: no start'],
      ['failed', 'file > first > inner > two', 'Error: no start'],
      ['failed', 'file > first > what runs after it', 'Error: no end'],
      ['passed', 'file > three'],
      ['end'],
    ])
    assert.equal(ran, 0)
  })

  test('fails a file that does not load, and one without a test', async () => {
    const said = await reports({
      broken: () => {
        harness.test('never seen', () => {})
        throw new TypeError('no such thing here')
      },
      empty: () => {},
      whole: () => harness.test('passes', () => {}),
    })
    assert.deepEqual(said, [
      ['plan', ['broken > the file loads', 'empty > the file loads', 'whole > passes']],
      ['failed', 'broken > the file loads', 'TypeError: no such thing here'],
      ['failed', 'empty > the file loads', 'Error: the file declares no test'],
      ['passed', 'whole > passes'],
      ['end'],
    ])
  })

  test('passes over nothing in silence: options, tests within tests, suites that wait', async () => {
    const declare = harness.test as (...given: readonly unknown[]) => void
    const suite = harness.describe as (...given: readonly unknown[]) => void
    for (const wrong of [
      () => declare('skipped', { skip: true }, () => {}),
      () => declare('with a limit', () => {}, { timeout: 1 }),
      () => declare('without a body'),
      () => declare(() => {}),
      () => suite('waits', async () => {}),
      () => suite('concurrent', { concurrency: true }, () => {}),
    ]) {
      const said = await reports({ file: wrong })
      assert.equal(said.length, 3)
      assert.match(JSON.stringify(said[1]), /"failed","file > the file loads","TypeError/)
    }
    const said = await reports({ file: () => harness.test('outer', () => harness.test('inner', () => {})) })
    assert.deepEqual(said[1], ['failed', 'file > outer', "TypeError: 'inner' is declared while tests run"])
  })

  test('leaves out what it is told to, with its hooks, and says so', async () => {
    const ran: string[] = []
    const declare = (): void => {
      harness.describe('a', () => {
        harness.before(() => ran.push('before'))
        harness.after(() => ran.push('after'))
        for (const name of ['one', 'two']) harness.test(name, () => ran.push(name))
      })
      harness.describe('ab', () => harness.test('three', () => ran.push('three')))
    }
    const whole = await reports({ file: declare }, { leftOut: ['file > a'] })
    assert.deepEqual(whole.slice(1, -1), [
      ['left out', 'file > a > one'],
      ['left out', 'file > a > two'],
      ['passed', 'file > ab > three'],
    ])
    assert.deepEqual(ran.splice(0), ['three'])
    await reports({ file: declare }, { leftOut: ['file > a > two'] })
    assert.deepEqual(ran.splice(0), ['before', 'one', 'after', 'three'])
    // Nor is a whole file loaded: what it needs may not be there.
    const without = await reports({ file: () => assert.fail('loaded'), other: declare }, { leftOut: ['file'] })
    assert.deepEqual(without.slice(0, 2), [
      ['plan', ['file > all of it', 'other > a > one', 'other > a > two', 'other > ab > three']],
      ['left out', 'file > all of it'],
    ])
  })
})
