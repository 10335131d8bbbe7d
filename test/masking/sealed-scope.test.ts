import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealDirect } from '../../src/encryption/direct-jwe.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { keyedHash } from '../../src/masking/keyed-hash.ts'
import { type Masker, masker, type MaskerOptions } from '../../src/masking/masker.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'
import { openScope, sealScope } from '../../src/masking/sealed-scope.ts'

const key = new Uint8Array(32).fill(4)
const hash = keyedHash(key)

function names(options: Partial<MaskerOptions> = {}): Masker {
  return masker({ detect: detectors.all, mode: 'pseudonym', key, scope: 'acme/ada/1', ...options })
}

function refused(error: unknown): boolean {
  return isGuardError(error) && error.code === 'decryption_failed'
}

test('what one masker remembers is restored by another of the same key and scope, and says nothing while it is sealed', async () => {
  const one = names()
  const text = 'bob@example.com pays with 4111 1111 1111 1111'
  const masked = one.mask(text)
  const sealed = await one.seal()
  assert.ok(!Buffer.from(sealed, 'base64url').toString('latin1').includes('bob@') && !sealed.includes('bob'))
  const other = names()
  assert.equal(other.restore(masked), masked)
  await other.open(sealed)
  assert.equal(other.restore(masked), text)
  // Opening it again, or beside what is there already, changes nothing.
  other.mask('rob@example.com')
  await other.open(sealed)
  assert.equal(other.restore(masked), text)
  assert.notEqual(await one.seal(), sealed)
})

test('it opens in no other scope, under no other key, and not where a single character is another', async () => {
  const one = names()
  one.mask('bob@example.com')
  const sealed = await one.seal()
  for (const other of [names({ scope: 'acme/ada/2' }), names({ scope: '' }), names({ key: key.map(() => 5) })])
    await assert.rejects(other.open(sealed), refused)
  for (let index = 0; index < sealed.length; index += 7) {
    const altered = sealed.slice(0, index) + (sealed[index] === 'A' ? 'B' : 'A') + sealed.slice(index + 1)
    await assert.rejects(names().open(altered), refused, `at ${index}`)
  }
  for (const nonsense of ['', 'a.b.c.d.e', sealed.slice(0, -1), `${sealed} `, sealed.replace('.', '..'), 'x'.repeat(9 * 1024 * 1024), undefined, {}])
    await assert.rejects(names().open(nonsense as string), refused)
})

test('what was sealed as something else, or holds something else, is refused', async () => {
  const scope = new PseudonymScope('s', hash)
  const own = new Uint8Array(hash('sallyport sealed pseudonyms\ns'))
  const seal = (value: unknown, typ = 'sallyport-pseudonyms'): Promise<string> =>
    sealDirect(new TextEncoder().encode(JSON.stringify(value)), own, typ)
  const good = scope.mint('EMAIL', 'bob@example.com', 'input')
  await openScope(new PseudonymScope('s', hash), hash, await sealScope(scope, hash))
  await assert.rejects(openScope(scope, hash, await seal([], 'JWT')), refused)
  for (const value of [
    {},
    'x',
    [1],
    [[]],
    [[good, 'input', 'EMAIL']],
    [[good, 'output', 'EMAIL', 'x']],
    [['EMAIL', 'input', 'EMAIL', 'x']],
    [[good, 'input', 'EMAIL', 7]],
    // A name that is another value's already.
    [[good, 'input', 'EMAIL', 'eve@example.com']],
    [[good, 'answer', 'EMAIL', 'bob@example.com']],
  ])
    await assert.rejects(openScope(scope, hash, await seal(value)), refused, JSON.stringify(value))
  assert.equal(scope.restore(good), 'bob@example.com')
})

test('what came from an answer stays what is never restored', async () => {
  const scope = new PseudonymScope('s', hash)
  const said = scope.mint('EMAIL', 'eve@example.com', 'answer')
  const other = new PseudonymScope('s', hash)
  await openScope(other, hash, await sealScope(scope, hash))
  assert.deepEqual([other.knows(said), other.restore(said)], [true, undefined])
})

test('two random names of one value can both be restored', () => {
  const [one, other] = [new PseudonymScope('s', undefined), new PseudonymScope('s', undefined)]
  const [first, second] = [one.mint('EMAIL', 'bob@example.com', 'input'), other.mint('EMAIL', 'bob@example.com', 'input')]
  for (const entry of one.entries()) assert.ok(other.add(entry))
  assert.deepEqual(
    [other.restore(first), other.restore(second), other.mint('EMAIL', 'bob@example.com', 'input')],
    ['bob@example.com', 'bob@example.com', second],
  )
  assert.equal(other.entries().length, 2)
})

test('without a key nothing is sealed or opened', async () => {
  const keyless = masker({ detect: detectors.all, mode: 'pseudonym' })
  await assert.rejects(keyless.seal(), TypeError)
  await assert.rejects(keyless.open(''), TypeError)
})

test('a scope that is full seals what it remembers, and opens to no more than that', async () => {
  const scope = new PseudonymScope('s', hash)
  for (let index = 0; index < 300; index++) scope.mint('PRIVATE_KEY', `${index}${'k'.repeat(8000)}`, 'input')
  const other = new PseudonymScope('s', hash)
  await openScope(other, hash, await sealScope(scope, hash))
  assert.deepEqual(other.entries(), scope.entries())
  assert.ok(other.characters <= 1024 * 1024)
})
