import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Report } from './harness.ts'
import type { LeftOut } from './left-out.ts'
import { judge, leftOutOn } from './verdict.ts'

const plan: Report = { kind: 'plan', tests: ['a > one', 'a > two'] }
const one: Report = { kind: 'passed', test: 'a > one' }
const two: Report = { kind: 'passed', test: 'a > two' }
const end: Report = { kind: 'end' }
const entry = (tests: string, on = 'workerd'): LeftOut => ({ on, tests, reason: 'cannot' })

describe('the verdict on a runtime', () => {
  test('is good where every test passed', () => {
    assert.deepEqual(judge({ reports: [plan, one, two, end], spent: new Map([['a', 3]]) }, [], ['a > one', 'a > two']), {
      tests: 2,
      passed: 2,
      failed: [],
      leftOut: [],
      files: new Map([['a', { passed: 2, failed: 0, leftOut: 0, seconds: 3 }]]),
    })
  })

  test('counts what is left out by name, and as nothing else', () => {
    const reports: Report[] = [plan, one, { kind: 'left out', test: 'a > two' }, end]
    assert.deepEqual(judge({ reports }, [entry('a > two')]), {
      tests: 2,
      passed: 1,
      failed: [],
      leftOut: ['a > two'],
      files: new Map([['a', { passed: 1, failed: 0, leftOut: 1, seconds: 0 }]]),
    })
    assert.match(
      judge({ reports }, [entry('a > tw')])
        .failed.map(({ error }) => error)
        .join(),
      /no such test.*does not name it/,
    )
  })

  test('is bad for each thing that is not as it should be', () => {
    const failed: Report = { kind: 'failed', test: 'a > two', error: 'Error: no' }
    const cases: [Parameters<typeof judge>, string, RegExp][] = [
      [[{ reports: [plan, one, failed, end] }, []], 'a > two', /^Error: no$/],
      [[{ reports: [plan, one, two, { ...failed, test: 'a > what runs after it' }, end] }, []], 'a > what runs after it', /no/],
      [[{ reports: [plan, one, end] }, []], 'a > two', /nothing was heard/],
      [[{ reports: [plan, one, two], failure: 'it ended with 1' }, []], 'the suite', /^it ended with 1$/],
      [[{ reports: [plan, one, one, two, end] }, []], 'a > one', /twice/],
      [[{ reports: [plan, one, two, { kind: 'passed', test: 'b' }, end] }, []], 'b', /not planned/],
      [[{ reports: [{ kind: 'plan', tests: [] }, end] }, []], 'the suite', /no test/],
      [[{ reports: [end] }, []], 'the suite', /no test/],
      [[{ reports: [plan, one, { kind: 'left out', test: 'a > two' }, end] }, []], 'a > two', /does not name it/],
      [[{ reports: [plan, one, two, end] }, [entry('a > three')]], 'a > three', /no such test/],
      [[{ reports: [plan, one, two, end] }, [], ['a > one']], 'the suite', /other tests/],
      [
        [{ reports: [plan, one, { kind: 'left out', test: 'a > two' }, end] }, [entry('a > two')], ['b > one', 'a > two']],
        'the suite',
        /other tests/,
      ],
    ]
    for (const [given, name, why] of cases) {
      const { failed } = judge(...given)
      assert.equal(failed.length, 1, JSON.stringify(given))
      assert.equal(failed[0]?.test, name)
      assert.match(failed[0]?.error ?? '', why)
    }
  })

  test('compares nothing of a file that is not loaded there', () => {
    const reports: Report[] = [
      { kind: 'plan', tests: ['a > all of it', 'b > one'] },
      { kind: 'left out', test: 'a > all of it' },
      { kind: 'passed', test: 'b > one' },
      end,
    ]
    assert.deepEqual(judge({ reports }, [entry('a')], ['a > one', 'a > two', 'b > one']).failed, [])
  })

  test('leaves out on one runtime what is named for it or for all, of the files that run', () => {
    const all = [entry('a'), entry('a > one', '*'), entry('a > two', 'bun'), entry('b > x')]
    assert.deepEqual(
      leftOutOn('workerd', ['a'], all).map(({ tests }) => tests),
      ['a', 'a > one'],
    )
  })
})
