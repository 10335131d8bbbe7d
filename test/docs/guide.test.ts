import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isShown, stepsOf } from './guide.ts'

const fence = '```'

describe('the steps of a guide', () => {
  test('are its files, its commands and what they print, in order', () => {
    const page = [
      `${fence}ts title="a/b.ts"`,
      'export {}',
      fence,
      `${fence}ts`,
      'shown()',
      fence,
      `${fence}sh serve`,
      'node b.ts',
      fence,
      `${fence}text`,
      'up',
      fence,
      `${fence}sh elsewhere`,
      'docker run',
      fence,
      `${fence}sh stop`,
      '^C',
      fence,
      `${fence}sh`,
      'true',
      fence,
    ].join('\n')
    assert.deepEqual(stepsOf(page), [
      { kind: 'file', title: 'a/b.ts', content: 'export {}\n' },
      { kind: 'serve', commands: 'node b.ts\n', shown: 'up\n' },
      { kind: 'stop' },
      { kind: 'run', commands: 'true\n', shown: undefined },
    ])
  })

  test('an unknown mark, and output of nothing, are mistakes', () => {
    for (const page of [`${fence}sh later\nx\n${fence}`, `${fence}ts title=x\n${fence}`, `${fence}text\nx\n${fence}`, `${fence}sh stop\nx\n${fence}`])
      assert.throws(() => stepsOf(page), /nobody can follow/)
  })
})

describe('what a guide shows', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a\nb\n', 'a\nb', true],
    ['a\nb', 'a\nc', false],
    ['a', 'a\nb', false],
    ['a\nb', 'a', false],
    ['a … c', 'a b c', true],
    ['a … c', 'a\nc', false],
    ['{…"status":401}', '{"x":1,"status":401}', true],
    ['{…"status":401}', '{"x":1,"status":403}', false],
    ['a\n…', 'a', true],
    ['a\n…', 'a\nb\nc', true],
    ['…\nc', 'a\nb\nc', true],
    ['…\nc', 'a\nb', false],
    ['a\n…\nc', 'a\nc', true],
    ['a.c', 'abc', false],
    ['a', 'a\r\n', true],
  ]
  for (const [shown, printed, is] of cases)
    test(`${JSON.stringify(shown)} ${is ? 'is' : 'is not'} what ${JSON.stringify(printed)} prints`, () => assert.equal(isShown(shown, printed), is))
})
