import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, requestWith } from './asking.ts'

const strangers = [
  'Chat',
  'CHAT',
  'chat/',
  '/chat',
  'ch%61t',
  'chat%2f',
  'chat ',
  ' chat',
  'chat\u0000',
  'chat\n',
  'cha',
  'chatt',
  'с\u0068at',
  'ｃｈａｔ',
  'cha\u0301t',
  '*',
  'ch*',
]

describe('A8: names', () => {
  test('an action is exact', () => {
    const rules = [{ id: 'r', effect: 'permit', action: 'chat' }]
    assert.equal(decide(rules, requestWith({ action: 'chat' })).allowed, true)
    for (const action of strangers) assert.equal(decide(rules, requestWith({ action })).allowed, false, JSON.stringify(action))
  })

  test('so are types and ids of resources and subjects', () => {
    for (const rule of [{ resource: { type: 'chat' } }, { resource: { id: 'chat' } }, { subject: { id: 'chat' } }, { subject: { type: 'chat' } }]) {
      const ask = (name: string): boolean =>
        decide([{ id: 'r', effect: 'permit', ...rule }], requestWith({ subject: { id: name, type: name }, resource: { type: name, id: name } }))
          .allowed
      assert.equal(ask('chat'), true)
      for (const name of strangers) assert.equal(ask(name), false, JSON.stringify([rule, name]))
    }
  })

  test('a trailing * is a prefix, and nothing else is a pattern', () => {
    const ask = (pattern: string, action: string): boolean =>
      decide([{ id: 'r', effect: 'permit', action: [pattern] }], requestWith({ action })).allowed
    assert.equal(ask('ch*', 'chat'), true)
    assert.equal(ask('chat*', 'chat'), true)
    assert.equal(ask('*', 'chat'), true)
    assert.equal(ask('ch*', 'Chat'), false)
    assert.equal(ask('chats*', 'chat'), false)
    for (const pattern of ['ch?t', 'ch.t', 'ch.*', '[c]hat', '(chat)', 'chat|x', '^chat$', 'c%']) assert.equal(ask(pattern, 'chat'), false, pattern)
    assert.equal(ask('ch.*', 'ch.x'), true)
  })

  test('nothing is permitted for a role, a subject or a name that no rule knows', () => {
    const rules = [
      {
        id: 'r',
        effect: 'permit',
        subject: { roles: ['reader'], id: ['ada'], type: 'user' },
        action: 'chat',
        resource: { type: 'model', id: 'gpt-5' },
      },
    ]
    assert.equal(decide(rules, requestWith({ roles: ['reader'] })).allowed, true)
    assert.equal(decide(rules, requestWith({ roles: ['Reader'] })).allowed, false)
    assert.equal(decide(rules, requestWith({ roles: [] })).allowed, false)
    assert.equal(decide(rules, requestWith({ roles: ['reader'], subject: { id: 'Ada' } })).allowed, false)
    assert.equal(decide(rules, requestWith({ roles: ['reader'], resource: { id: '../gpt-5' } })).allowed, false)
  })
})
