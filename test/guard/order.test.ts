import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtIn, type Control, control } from '../../src/guard/control.ts'
import { guard } from '../../src/guard/guard.ts'
import { sentences } from '../../src/guard/order.ts'
import { bareGuard } from './traced-chain.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

// As plain JavaScript sees it.
function chainOf(...names: string[]): { protect(): void } {
  let chain = guard() as unknown as { use(control: unknown): typeof chain; protect(fn: unknown, operation: unknown): void }
  for (const name of names) chain = chain.use(part(name))
  return { protect: () => chain.protect(() => 1, operation) }
}

const adds: Record<string, string> = { audit: 'entry', verify: 'identity', seal: 'sealed', limit: 'quota', authorize: 'decision', mask: 'masked' }
const needs: Record<string, string[]> = { seal: ['identity'], authorize: ['identity'], mask: ['identity', 'decision'] }

function part(name: string): Control<never, object> {
  return builtIn<never, object>(name, {}, { needs: needs[name] ?? [], adds: [adds[name]] as never }, {}) as Control<never, object>
}

// A control that adds what its type does not say.
function undeclared(name: string, entries: object): Control {
  return control(name, { enter: () => entries }) as Control
}

function refuses(sentence: string, ...names: string[]): void {
  assert.throws(() => chainOf(...names).protect(), { name: 'TypeError', message: sentence })
}

test('the whole chain in its order may protect, with own controls and a limit by address anywhere they may stand', () => {
  chainOf('audit', 'verify', 'seal', 'limit', 'authorize', 'mask').protect()
  chainOf('audit', 'limit', 'verify', 'limit', 'authorize').protect()
  chainOf('audit', 'verify', 'authorize').protect()
})

test('refuses a control that stands twice, with the sentence that the compiler shows', () => {
  refuses(sentences.auditTwice, 'audit', 'audit')
  refuses(sentences.identityTwice, 'audit', 'verify', 'verify')
  refuses(sentences.sealedTwice, 'verify', 'seal', 'seal')
  refuses(sentences.quotaTwice, 'verify', 'limit', 'limit')
  refuses(sentences.quotaTwice, 'limit', 'limit', 'verify')
  refuses(sentences.decisionTwice, 'verify', 'authorize', 'authorize')
})

test('refuses a control in the wrong place', () => {
  refuses(sentences.auditFirst, 'verify', 'audit')
  refuses(sentences.sealedLate, 'verify', 'limit', 'seal')
  refuses(sentences.quotaLate, 'verify', 'authorize', 'limit')
  refuses(sentences.needsIdentity, 'authorize')
  refuses(sentences.needsDecision, 'verify', 'mask')
})

test('refuses to protect what is not complete', () => {
  refuses(sentences.protectIdentity, 'audit')
  refuses(sentences.protectDecision, 'audit', 'verify')
  refuses(sentences.protectEntry, 'verify', 'authorize')
})

test('refuses look-alike controls and guards, whose phases could change after the check', () => {
  const chain = guard() as unknown as { use(control: unknown): unknown }
  assert.throws(() => chain.use({ ...part('audit') }), TypeError)
  assert.throws(() => chain.use(undefined), TypeError)
})

test('refuses an own control that would forge what only this package may add', () => {
  for (const name of ['identity', 'decision', 'entry', 'quota', 'sealed', 'masked', 'credentials', 'signal', 'input', '__proto__'])
    assert.throws(() => control('own', {}, { adds: [name] as never }), TypeError)
})

test('refuses, at the call, an own control that adds what it did not declare and what is there already', async () => {
  const forging = bareGuard().use(undeclared('forger', { identity: { subject: 'root' } }))
  await assert.rejects(forging.protect(() => 1, operation)(null), { code: 'misconfigured' })
  const twice = bareGuard()
    .use(control('first', { enter: () => ({ extra: 1 }) }))
    .use(undeclared('second', { extra: 2 }))
  await assert.rejects(twice.protect(() => 1, operation)(null), { code: 'misconfigured' })
})

test('a guard is immutable: one prefix serves two guards', async () => {
  const base = bareGuard()
  const one = base.use(control('one', { enter: () => ({ one: 1 }) }))
  const two = base.use(control('two', { enter: () => ({ two: 2 }) }))
  assert.deepEqual(await one.protect((_input: null, call) => Object.keys(call).includes('two'), operation)(null), false)
  assert.deepEqual(await two.protect((_input: null, call) => call.two, operation)(null), 2)
  assert.throws(() => Object.assign(base, { protect: () => 'open' }), TypeError)
})

test('refuses a policy whose obligation nobody in the chain carries out, when the guard is made', () => {
  const obliging = builtIn<never, object>('authorize', {}, { needs: ['identity'], adds: ['decision'] as never }, { obliges: ['watermark'] })
  let chain = guard() as unknown as { use(control: unknown): typeof chain; protect(fn: unknown, operation: unknown): void }
  chain = chain.use(part('audit')).use(part('verify')).use(obliging)
  assert.throws(() => chain.protect(() => 1, operation), /watermark/)
  chain.use(control('watermark', {}, { fulfills: ['watermark'] })).protect(() => 1, operation)
})

test('refuses wrong options and operations when they are given, not at the first call', () => {
  assert.throws(() => guard({ name: '' }), TypeError)
  assert.throws(() => guard({ deadline: 0 }), TypeError)
  assert.throws(() => guard({ deadline: Number.NaN }), TypeError)
  assert.throws(() => guard({ clock: {} as never }), TypeError)
  const chain = bareGuard()
  assert.throws(() => chain.protect('x' as never, operation), TypeError)
  for (const wrong of [
    undefined,
    {},
    { action: '' },
    { action: 'a', resource: { type: 'm' } },
    { ...operation, codec: 'openai' },
    { ...operation, attributes: [] },
  ])
    assert.throws(() => chain.protect(() => 1, wrong as never), TypeError)
})

test('describes what is covered, in order, as plain data', () => {
  const described = bareGuard({ name: 'bot', deadline: 5 })
    .use(control('own', {}, { describe: { hours: '9-17' } }))
    .describe()
  assert.deepEqual(JSON.parse(JSON.stringify(described)), {
    name: 'bot',
    deadline: 5,
    codec: 'json',
    controls: [
      { name: 'audit', adds: ['entry'], fulfills: [], options: {} },
      { name: 'verifyIdentity', adds: ['identity'], fulfills: [], options: {} },
      { name: 'authorize', adds: ['decision'], fulfills: [], options: {} },
      { name: 'own', adds: [], fulfills: [], options: { hours: '9-17' } },
    ],
  })
})
