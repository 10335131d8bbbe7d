import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Identity } from '../../src/guard/context.ts'
import { apiKey } from '../../src/identity/api-key.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { makeIdentity, withDevice } from '../../src/identity/make-identity.ts'
import { revocationList, type RevocationTarget } from '../../src/identity/revocation-list.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import { StateError, type StateStore } from '../../src/state/state-store.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const clock = testClock()
const issuer = testIssuer({ clock })
const other = testIssuer({ clock, issuer: 'https://other.example' })
const verify = async (claims: object = {}, from = issuer): Promise<Identity> =>
  jwt({ ...from.options, clock }).verify(await from.bearer({ ...claims }))

async function isRevoked(target: RevocationTarget, identity: Identity): Promise<boolean> {
  const list = revocationList({ clock })
  assert.equal(await list.isRevoked(identity), false)
  await list.revoke(target)
  return await list.isRevoked(identity)
}

describe('a revocation', () => {
  test('of a token, by its id, by its id at an issuer, or by the token itself', async () => {
    const ada = await verify({ jti: 't1' })
    const token = await issuer.mint({ jti: 't1' })
    for (const target of [{ token: 't1' }, { token: 't1', issuer: issuer.issuer }, { token }]) {
      assert.equal(await isRevoked(target, ada), true)
      assert.equal(await isRevoked(target, await verify({ jti: 't2' })), false)
    }
    const same = await verify({ jti: 't1' }, other)
    assert.equal(await isRevoked({ token }, same), false)
    assert.equal(await isRevoked({ token: 't1' }, same), true, 'at every issuer where none is named')
    await assert.rejects(revocationList().revoke({ token: await issuer.mint({ jti: undefined }) }), TypeError)
    assert.equal(await isRevoked({ token: 'a.b' }, await verify({ jti: 'a.b' })), true, 'an id may look like anything')
  })

  test('of a session', async () => {
    assert.equal(await isRevoked({ session: 's1' }, await verify({ sid: 's1' })), true)
    assert.equal(await isRevoked({ session: 's1' }, await verify({ sid: 's2' })), false)
    assert.equal(await isRevoked({ session: 's1' }, await verify({ jti: 's1', sub: 's1' })), false)
    assert.equal(await isRevoked({ session: 's1', issuer: other.issuer }, await verify({ sid: 's1' })), false)
  })

  test('of a subject, by its key, by its name at an issuer, or by its name', async () => {
    const ada = await verify({ sub: 'ada' })
    const namesake = await verify({ sub: 'ada' }, other)
    assert.deepEqual([await isRevoked({ subject: ada.key }, ada), await isRevoked({ subject: ada.key }, namesake)], [true, false])
    assert.deepEqual(
      [await isRevoked({ subject: 'ada', issuer: issuer.issuer }, ada), await isRevoked({ subject: 'ada', issuer: issuer.issuer }, namesake)],
      [true, false],
    )
    assert.deepEqual([await isRevoked({ subject: 'ada' }, ada), await isRevoked({ subject: 'ada' }, namesake)], [true, true])
    assert.equal(await isRevoked({ subject: 'ad' }, ada), false)
  })

  test('of a subject ends what it does for others', async () => {
    const delegated = await verify({ sub: 'ada', act: { sub: 'agent', act: { sub: 'root', iss: other.issuer } } })
    assert.equal(await isRevoked({ subject: 'agent', issuer: issuer.issuer }, delegated), true)
    assert.equal(await isRevoked({ subject: 'root', issuer: other.issuer }, delegated), true)
    assert.equal(await isRevoked({ subject: 'root', issuer: issuer.issuer }, delegated), false)
  })

  test('of a subject up to a time lets stand what was issued later', async () => {
    const issuedBefore = clock.now() + 1000
    const early = await verify({ sub: 'ada' })
    const late = await verify({ sub: 'ada', iat: clock.now() / 1000 + 1 })
    assert.equal(await isRevoked({ subject: 'ada', issuedBefore }, early), true)
    assert.equal(await isRevoked({ subject: 'ada', issuedBefore }, late), false)
    const { key, entry } = await issuer.mintApiKey({ subject: 'ada' })
    assert.equal(
      await isRevoked({ subject: 'ada', issuedBefore }, await apiKey({ keys: [entry] }).verify({ apiKey: key })),
      true,
      'who cannot say when',
    )
  })

  test('of a session or a device up to a time lets stand what was issued later', async () => {
    const issuedBefore = clock.now() + 1000
    for (const target of [{ session: 's1' }, { session: 's1', issuer: issuer.issuer }, { device: 'd1' }, { device: 'd1', issuer: issuer.issuer }]) {
      const of = async (iat: number) => onDevice('d1', await verify({ sid: 's1', iat }))
      assert.equal(await isRevoked({ ...target, issuedBefore }, await of(clock.now() / 1000)), true)
      assert.equal(await isRevoked({ ...target, issuedBefore }, await of(clock.now() / 1000 + 1)), false)
    }
  })

  test('of what a subject has without a session lets stand what names one', async () => {
    const [without, within] = [await verify({ sub: 'ada' }), await verify({ sub: 'ada', sid: 's1' })]
    for (const target of [{ subject: 'ada' }, { subject: 'ada', issuer: issuer.issuer }, { subject: without.key }]) {
      assert.equal(await isRevoked({ ...target, sessionless: true }, without), true)
      assert.equal(await isRevoked({ ...target, sessionless: true }, within), false)
      assert.equal(await isRevoked({ ...target, sessionless: true, issuedBefore: clock.now() - 1000 }, without), false)
    }
    assert.equal(await isRevoked({ subject: 'bob', sessionless: true }, without), false)
  })

  test('of a device, whoever uses it, or whom one issuer vouches for', async () => {
    const ada = onDevice('d1', await verify({ sub: 'ada' }))
    const stranger = onDevice('d1', await verify({ sub: 'ada' }, other))
    assert.equal(await isRevoked({ device: 'd1' }, ada), true)
    assert.equal(await isRevoked({ device: 'd1' }, stranger), true)
    assert.equal(await isRevoked({ device: 'd1', issuer: issuer.issuer }, ada), true)
    assert.equal(await isRevoked({ device: 'd1', issuer: issuer.issuer }, stranger), false)
    assert.equal(await isRevoked({ device: 'd2' }, ada), false)
    assert.equal(await isRevoked({ device: 'd1' }, await verify({ sub: 'd1', jti: 'd1', sid: 'd1' })), false)
  })

  test('of a token beside another issuer is of an id, and not of the token that it looks like', async () => {
    const theirs = await verify({ jti: 't1' }, other)
    const token = await other.mint({ jti: 't1' })
    assert.equal(await isRevoked({ token, issuer: issuer.issuer }, theirs), false)
    assert.equal(await isRevoked({ token, issuer: issuer.issuer }, await verify({ jti: token })), true)
    assert.equal(await isRevoked({ token, issuer: other.issuer }, theirs), true)
  })

  test('of an issuer, and of a key', async () => {
    const ada = await verify()
    assert.equal(await isRevoked({ issuer: issuer.issuer }, ada), true)
    assert.equal(await isRevoked({ issuer: other.issuer }, ada), false)
    assert.equal(await isRevoked({ key: 'test-1' }, ada), true)
    assert.equal(await isRevoked({ key: 'test-1', issuer: other.issuer }, ada), false)
    assert.equal(await isRevoked({ key: 'test-2' }, ada), false)
    const { key, entry } = await issuer.mintApiKey({ subject: 'ada' })
    const holder = await apiKey({ keys: [entry] }).verify({ apiKey: key })
    assert.equal(await isRevoked({ key: entry.id }, holder), true)
    assert.equal(await isRevoked({ token: entry.id }, holder), true)
  })

  test('is never loosened by a later one', async () => {
    const list = revocationList({ clock })
    const ada = await verify({ sub: 'ada' })
    await list.revoke({ subject: 'ada' })
    await list.revoke({ subject: 'ada', issuedBefore: clock.now() - 1e6, expiresAt: clock.now() + 1 })
    clock.advance(1000)
    assert.equal(list.isRevoked(ada), true)
  })

  test('is not loosened by one that was begun at the same time, also where the store is elsewhere', async () => {
    const near = memoryState()
    const slow = async <T>(value: T): Promise<T> => {
      await new Promise((resolve) => setImmediate(resolve))
      return value
    }
    const store: StateStore = {
      ...methodsOf(near),
      set: async (...given) => void (await slow(near.set(...given))),
      get: async (...given) => slow(await near.get(...given)),
    }
    const [one, two] = [revocationList({ store, clock }), revocationList({ store, clock })]
    await Promise.all([one.revoke({ subject: 'ada' }), two.revoke({ subject: 'ada', issuedBefore: clock.now() - 1e6 })])
    assert.equal(await one.isRevoked(await verify({ sub: 'ada' })), true)
  })

  test('that could not be stored does not stand in the way of the next', async () => {
    const near = memoryState()
    let fails = 1
    const store: StateStore = {
      ...methodsOf(near),
      set: async (...given) => {
        if (fails-- > 0) throw new Error('down')
        near.set(...given)
      },
    }
    const list = revocationList({ store, clock })
    const [first, second] = await Promise.allSettled([list.revoke({ subject: 'ada' }), list.revoke({ subject: 'ada' })])
    assert.deepEqual([first.status, second.status], ['rejected', 'fulfilled'])
    assert.equal(list.isRevoked(await verify({ sub: 'ada' })), true)
  })

  test('is taken back by the very target that it was made of, and by nothing else', async () => {
    const ada = onDevice('d1', await verify({ sub: 'ada', jti: 't1' }))
    const targets: RevocationTarget[] = [
      { subject: 'ada' },
      { subject: ada.key },
      { token: 't1' },
      { token: await issuer.mint({ jti: 't1' }) },
      { device: 'd1' },
      { device: 'd1', issuer: issuer.issuer },
      { issuer: issuer.issuer },
    ]
    for (const target of targets) {
      const list = revocationList({ clock })
      await list.revoke(target)
      for (const another of targets) if (another !== target) await list.lift(another)
      assert.equal(list.isRevoked(ada), true, JSON.stringify(target))
      await list.lift(target)
      assert.equal(list.isRevoked(ada), false)
      await list.lift(target)
    }
    await assert.rejects(revocationList().lift({} as never), TypeError)
  })

  test('is taken back for what was issued later, and stays for what was issued before', async () => {
    const list = revocationList({ clock })
    const issuedBefore = clock.now() + 1000
    const early = onDevice('d1', await verify())
    const late = onDevice('d1', await verify({ iat: clock.now() / 1000 + 1 }))
    await list.lift({ device: 'd1', issuedBefore })
    assert.equal(list.isRevoked(early), false, 'to take back does not revoke')
    await list.revoke({ device: 'd1' })
    await list.lift({ device: 'd1', issuedBefore })
    assert.deepEqual([list.isRevoked(early), list.isRevoked(late)], [true, false])
    await list.lift({ device: 'd1', issuedBefore: issuedBefore + 1e6 })
    assert.deepEqual([list.isRevoked(early), list.isRevoked(late)], [true, false], 'nor does it revoke more')
  })

  test('is forgotten when it says so, and one of a token when that expires', async () => {
    const own = testClock()
    const list = revocationList({ clock: own })
    const ada = await verify({ jti: 't', sub: 'ada' })
    await list.revoke({ subject: 'ada', expiresAt: own.now() + 1000 })
    await list.revoke({ token: await testIssuer({ clock: own }).mint({ jti: 't' }, { expiresIn: 2 }) })
    // Two minutes longer: the clock of another instance may be behind.
    own.advance(121_999)
    assert.equal(list.isRevoked(ada), true)
    own.advance(1)
    assert.equal(list.isRevoked(ada), false)
  })

  test('of one kind is not taken back with one of the other', async () => {
    const list = revocationList({ clock })
    const ada = await verify({ sub: 'ada' })
    await list.revoke({ subject: 'ada', issuedBefore: clock.now() + 1_000 })
    await list.revoke({ subject: 'ada' })
    await list.lift({ subject: 'ada' })
    assert.equal(list.isRevoked(ada), true)
  })

  test('of a token finds it in whatever way it was written, and is refused where it cannot be read', async () => {
    const list = revocationList({ clock })
    const svid = makeIdentity({ subject: 'spiffe://example.org/agent', issuer: 'spiffe://example.org', expiresAt: 1e15, tokenId: 's-1' })
    const token = await issuer.mint({ sub: 'spiffe://example.org/agent', jti: 's-1', iss: 'https://spire.example' })
    await list.revoke({
      token: token
        .split('.')
        .map((part) => part + '='.repeat((4 - (part.length % 4)) % 4))
        .join('.'),
    })
    assert.equal(list.isRevoked(svid), true)
    for (const text of [`${token}\n`, ` ${token}`, `Bearer ${token}`, `${token.slice(0, -1)}!.x`, 'aGk.aGk.aGk'])
      if (/\s/.test(text) || /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) await assert.rejects(list.revoke({ token: text }), TypeError, text)
  })

  test('is refused where a member is unknown, undefined, or no text that can be stored', async () => {
    const list = revocationList({ clock })
    for (const target of [
      { token: undefined, issuer: 'https://id.example' },
      { sesion: 's', issuer: 'https://id.example' },
      { subject: 'x', issuedbefore: 1e12 },
      { subject: 'x', issuedBefore: undefined },
      { subject: '\ud800' },
      { issuer: '\udc00' },
    ]) {
      await assert.rejects(list.revoke(target as never), TypeError, JSON.stringify(target))
      await assert.rejects(list.lift(target as never), TypeError, JSON.stringify(target))
    }
  })

  test('that somebody else makes at the same time is not lost, also between two stores on one place', async () => {
    const entries = memoryState()
    // Two ways to one place, each of which waits before it answers: as two processes with one server.
    const slow = (): StateStore => ({
      add: async (...args) => entries.add(...args),
      set: async (...args) => entries.set(...args),
      delete: async (...args) => entries.delete(...args),
      replace: async (...args) => {
        await new Promise((resolve) => setImmediate(resolve))
        return entries.replace?.(...args) ?? false
      },
      get: async (...args) => {
        const found = await entries.get(...args)
        await new Promise((resolve) => setImmediate(resolve))
        return found
      },
      subscribe: (...args) => entries.subscribe(...args),
      describe: () => ({}),
    })
    const [one, two] = [revocationList({ clock, store: slow() }), revocationList({ clock, store: slow() })]
    const late = await verify({ sub: 'ada', iat: clock.now() / 1000 + 1 })
    for (let round = 0; round < 20; round++) {
      const subject = `ada-${round}`
      const identity = makeIdentity({ ...late, subject })
      await Promise.all([one.revoke({ subject }), two.revoke({ subject, issuedBefore: clock.now() - 1e6 })])
      assert.equal(await one.isRevoked(identity), true)
    }
  })

  test('stands where the store holds what makes no sense', async () => {
    for (const value of ['', ' ', '0', '1 2 3', 'x', '- 1795584041217 -', 'Infinity']) {
      const store = memoryState()
      await store.set('revoked:subject:ada', value, Number.POSITIVE_INFINITY, clock.now())
      assert.equal(revocationList({ clock, store }).isRevoked(await verify({ sub: 'ada' })), true, value)
    }
    const store = memoryState()
    await store.add('revoked:subject:ada', Number.POSITIVE_INFINITY, clock.now())
    assert.equal(revocationList({ clock, store }).isRevoked(await verify({ sub: 'ada' })), true)
  })

  test('outlasts a wall clock that is ahead for a moment', async () => {
    const own = testClock()
    const list = revocationList({ clock: own, store: memoryState({ clock: own }) })
    const ada = makeIdentity({ subject: 'ada', issuer: 'i', expiresAt: 1e15 })
    await list.revoke({ subject: 'ada', expiresAt: own.now() + 3_600_000 })
    const before = own.now()
    own.set(before + 7_200_000)
    await list.revoke({ subject: 'other' })
    own.set(before + 10_000)
    assert.equal(list.isRevoked(ada), true)
  })

  test('is told to everybody who listens, also through another list on the same store', async () => {
    const store = memoryState()
    const [one, two] = [revocationList({ store }), revocationList({ store })]
    let told = 0
    const stop = two.subscribe(() => void told++)
    await one.revoke({ subject: 'ada' })
    stop()
    await one.revoke({ subject: 'bob' })
    assert.equal(told, 1)
    assert.equal(await two.isRevoked(await verify({ sub: 'bob' })), true)
  })

  test('that a full store does not take is not pretended', async () => {
    const list = revocationList({ store: memoryState({ maxEntries: 1 }) })
    await list.revoke({ subject: 'ada' })
    await assert.rejects(list.revoke({ subject: 'bob' }), StateError)
    await list.revoke({ subject: 'ada' })
  })

  test('whose value makes no sense revokes', async () => {
    const store = memoryState()
    store.set('revoked:subject:ada', 'nonsense', Number.POSITIVE_INFINITY, 0)
    assert.equal(revocationList({ store }).isRevoked(await verify({ sub: 'ada' })), true)
  })

  test('is waited for where the store is elsewhere', async () => {
    const near = memoryState()
    const far: StateStore = {
      ...near,
      add: () => true,
      set: async (...given) => near.set(...given),
      get: async (...given) => near.get(...given),
      delete: () => {},
      subscribe: () => () => {},
      describe: () => ({}),
    }
    const list = revocationList({ store: far })
    await list.revoke({ subject: 'ada' })
    assert.equal(await list.isRevoked(await verify({ sub: 'ada' })), true)
    assert.equal(await list.isRevoked(await verify({ sub: 'bob' })), false)
  })

  test('that names nothing, several things or nonsense is a mistake', async () => {
    const wrong: unknown[] = [
      undefined,
      {},
      { token: '' },
      { subject: 7 },
      { token: 'a', session: 'b' },
      { subject: 'a', key: 'b' },
      { issuer: '' },
      { subject: 'a', issuer: 7 },
      { token: 'a', issuedBefore: clock.now() },
      { key: 'a', issuedBefore: clock.now() },
      { issuer: 'a', issuedBefore: clock.now() },
      { device: '' },
      { session: 'a', sessionless: true },
      { subject: 'a', sessionless: false },
      { subject: 'a', sessionless: 'yes' },
      { device: 'a', session: 'b' },
      { subject: 'a', issuedBefore: 1_700_000_000 },
      { subject: 'a', issuedBefore: Number.NaN },
      { subject: 'a', expiresAt: 1_700_000_000 },
      { subject: 'a', expiresAt: 'never' },
    ]
    for (const target of wrong) await assert.rejects(revocationList().revoke(target as RevocationTarget), TypeError, JSON.stringify(target))
    assert.throws(() => revocationList({ store: {} as StateStore }), TypeError)
  })
})

test('a store that answers nonsense has not said that nothing was revoked', async () => {
  const identity = await verify()
  for (const answer of [undefined, null, {}, 0, [undefined], [null]]) {
    const store = { ...methodsOf(memoryState()), get: () => answer as never }
    await assert.rejects(async () => revocationList({ store, clock }).isRevoked(identity), JSON.stringify(answer))
    const later = { ...methodsOf(memoryState()), get: async () => answer as never }
    await assert.rejects(async () => revocationList({ store: later, clock }).isRevoked(identity), JSON.stringify(answer))
  }
  assert.throws(() => revocationList({ stores: memoryState() } as never), TypeError)
})

function onDevice(id: string, identity: Identity): Identity {
  return withDevice(identity, { id, status: 'unknown', posture: {} })
}

function methodsOf(store: StateStore): StateStore {
  return {
    add: store.add.bind(store),
    set: store.set.bind(store),
    get: store.get.bind(store),
    delete: store.delete.bind(store),
    subscribe: store.subscribe.bind(store),
    describe: store.describe.bind(store),
  }
}
