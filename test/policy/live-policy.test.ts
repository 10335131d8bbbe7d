import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { localJwks } from '../../src/keys/jwks.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { livePolicy } from '../../src/policy/live-policy.ts'
import type { LivePolicyOptions } from '../../src/policy/live-policy-options.ts'
import { policyDigest } from '../../src/policy/policy-digest.ts'
import { PolicyError } from '../../src/policy/policy-error.ts'
import { answersAsPolicySet, policySetBehind } from '../../src/policy/policy-set-behind.ts'
import type { LoadRequest } from '../../src/policy/policy-source.ts'
import { signPolicy } from '../../src/policy/sign-policy.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { asking, policyOf, turns, watched } from './live.ts'
import { type SigningKeys, signingKeys } from './signing-keys.ts'

const unavailable = { name: 'GuardError', code: 'policy_unavailable' }

describe('a live policy', () => {
  test('refuses until the first policy is in force, then decides by it', async (context) => {
    let give = (_policy: unknown): void => {}
    const { live, changes } = watched(context, { load: () => new Promise((resolve) => (give = resolve)) })
    assert.throws(() => live.evaluate(asking()), unavailable)
    assert.equal(live.current, undefined)
    await turns()
    give(policyOf('1'))
    await live.ready
    assert.equal(live.evaluate(asking()).allowed, true)
    assert.equal(live.evaluate(asking('embed')).allowed, false)
    assert.equal(changes.length, 1)
    assert.equal(changes[0]?.previous, undefined)
  })

  test('replaces it between two decisions, and tells what by what', async (context) => {
    let policy = policyOf('1', 'chat')
    const clock = testClock()
    const { live, changes } = watched(context, { load: () => policy, clock })
    await live.ready
    const first = live.evaluate(asking('chat'))
    policy = policyOf('2', 'embed')
    assert.equal(live.evaluate(asking('chat')).allowed, true, 'not before it looked')
    assert.equal(await live.refresh(), true)
    assert.equal(live.evaluate(asking('chat')).allowed, false)
    assert.equal(live.evaluate(asking('embed')).allowed, true)
    assert.equal(first.policy.version, '1', 'a decision that was made stays what it was')
    assert.deepEqual(
      changes.map(({ current, previous }) => [previous?.version, current.version]),
      [
        [undefined, '1'],
        ['1', '2'],
      ],
    )
    assert.deepEqual(changes[1]?.current, {
      id: 'support',
      version: '2',
      digest: await policyDigest(policy),
      loadedAt: clock.now(),
    })
    assert.equal(await live.refresh(), false)
    assert.equal(changes.length, 2)
  })

  test('every decision is made by one policy alone, however often it is replaced', async (context) => {
    let version = 0
    const load = async (): Promise<unknown> => {
      await new Promise((resolve) => setImmediate(resolve))
      version++
      return policyOf(String(version), `only-${version}`)
    }
    const { live } = watched(context, { load })
    await live.ready
    const seen = new Set<string>()
    for (let turn = 0; turn < 200; turn++) {
      if (turn % 3 === 0) live.refresh().catch(() => {})
      for (const asked of [version - 1, version]) {
        const { allowed, policy, reasons } = live.evaluate(asking(`only-${asked}`))
        // Whatever it says, it says as one version.
        assert.equal(allowed, policy.version === String(asked))
        assert.deepEqual(reasons, allowed ? [{ rule: `may-only-${policy.version}`, effect: 'permit' }] : [])
        seen.add(policy.version)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(seen.size > 10, `${seen.size} versions`)
  })

  test('looks by itself every so often, and at nothing after it was closed', async (context) => {
    const clock = testClock()
    let loads = 0
    const { live, version } = watched(context, { load: () => policyOf(String(++loads)), every: 5, clock })
    await live.ready
    assert.equal(clock.pending, 1)
    for (let turn = 2; turn <= 4; turn++) {
      clock.advance(4_999)
      await turns()
      assert.equal(loads, turn - 1)
      clock.advance(1)
      await turns()
      assert.equal(version(), String(turn))
    }
    await live.close()
    assert.equal(clock.pending, 0)
    clock.advance(60_000)
    await turns()
    assert.equal(loads, 4)
    assert.throws(() => live.evaluate(asking()), unavailable)
    await assert.rejects(live.refresh(), { code: 'unavailable' })
    await live.close()
  })

  test('with an endless period looks only when told', async (context) => {
    const clock = testClock()
    const { live } = watched(context, { load: () => policyOf('1'), every: Number.POSITIVE_INFINITY, clock })
    await live.ready
    assert.equal(clock.pending, 0)
  })

  test('closes while it looks: what comes too late counts for nothing', async (context) => {
    let give = (_policy: unknown): void => {}
    let signal: AbortSignal | undefined
    const load = (request: LoadRequest): Promise<unknown> => {
      signal = request.signal
      return new Promise((resolve) => (give = resolve))
    }
    const { live, changes, refusals } = watched(context, { load })
    await turns()
    await live[Symbol.asyncDispose]()
    assert.equal(signal?.aborted, true)
    give(policyOf('1'))
    await turns()
    await assert.rejects(live.ready, { code: 'unavailable', message: /closed/ })
    assert.deepEqual([changes, refusals], [[], []])
    assert.throws(() => live.evaluate(asking()), unavailable)
  })

  test('one look at a time; who asks meanwhile gets one that begins later', async (context) => {
    const gives: ((policy: unknown) => void)[] = []
    const { live, version } = watched(context, { load: () => new Promise((resolve) => gives.push(resolve)) })
    await turns()
    const asked = [live.refresh(), live.refresh(), live.refresh()]
    await turns()
    assert.equal(gives.length, 1)
    gives[0]?.(policyOf('1'))
    await live.ready
    await turns()
    assert.equal(gives.length, 2)
    gives[1]?.(policyOf('2'))
    assert.deepEqual(await Promise.all(asked), [true, true, true])
    assert.equal(version(), '2')
    assert.equal(gives.length, 2)
  })

  test('takes a policy, its text, its bytes, and nothing for the same as before', async (context) => {
    let loaded: unknown = policyOf('1')
    const { live, version, changes, refusals } = watched(context, { load: async () => loaded })
    await live.ready
    for (const [next, expected] of [
      [JSON.stringify(policyOf('2')), '2'],
      [undefined, '2'],
      [JSON.stringify(policyOf('2'), undefined, 2), '2'],
      [new TextEncoder().encode(JSON.stringify(policyOf('3'))), '3'],
      [policyOf('3'), '3'],
      [undefined, '3'],
    ] as const) {
      loaded = next
      await live.refresh()
      assert.equal(version(), expected)
    }
    assert.equal(changes.length, 3)
    assert.deepEqual(refusals, [])
  })

  test('explains by the policy that is in force, and stands before it', async (context) => {
    const { live } = watched(context, { load: () => policyOf('1') })
    assert.equal(policySetBehind(live), undefined)
    await live.ready
    assert.equal(answersAsPolicySet(live), true)
    assert.equal(policySetBehind(live), live.current)
    assert.equal(live.current?.explain(asking('embed')).decision.allowed, false)
  })

  test('what it tells its listeners is theirs, and what they throw as well', async (context) => {
    let policy: unknown = policyOf('1')
    const live = livePolicy({
      load: () => policy,
      onChange: () => {
        throw new Error('a listener')
      },
      onRefused: (() => Promise.reject(new Error('a listener'))) as () => void,
    })
    context.after(() => live.close())
    await live.ready
    policy = { nonsense: true }
    await assert.rejects(live.refresh())
    policy = policyOf('2')
    assert.equal(await live.refresh(), true)
    assert.equal(live.evaluate(asking()).policy.version, '2')
    await turns()
  })

  test('does not end the process where nobody waits for the first policy', async (context) => {
    watched(context, { load: () => Promise.reject(new Error('down')) })
    await turns()
  })

  test('describes what is in force and why the newest look was in vain', async (context) => {
    const clock = testClock()
    let policy: unknown = policyOf('1')
    const { live } = watched(context, { load: () => policy, clock, obliges: ['no_stream'] })
    const about = { kind: 'livePolicy', source: { kind: 'function' }, every: 30, signed: false, obliges: ['no_stream'] }
    assert.deepEqual(live.describe(), about)
    await live.ready
    const current = { id: 'support', version: '1', digest: await policyDigest(policy), loadedAt: clock.now() }
    assert.deepEqual(live.describe(), { ...about, current })
    policy = { ...policyOf('2'), rule: [] }
    clock.advance(1_000)
    await live.refresh().catch(() => {})
    const { lastRefusal } = live.describe()
    assert.equal(lastRefusal?.code, 'malformed')
    assert.match(lastRefusal.reason, /^policy: has an unknown key 'rule'/)
    assert.equal(lastRefusal.at, clock.now())
    assert.deepEqual(live.describe().current, current)
    policy = policyOf('1')
    await live.refresh()
    assert.deepEqual(live.describe(), { ...about, current })
  })
})

describe('a policy that may not come into force leaves the last good one', () => {
  const text = (policy: unknown): string => JSON.stringify(policy)
  const cyclic: Record<string, unknown> = policyOf('2')
  cyclic.self = cyclic
  const bad: readonly (readonly [name: string, loaded: unknown, code: string, message: RegExp])[] = [
    ['an unknown effect', policyOf('2', 'chat', { rules: [{ id: 'r', effect: 'allow' }] }), 'malformed', /^policy\.rules\[0\]\.effect/],
    [
      'an unknown operator',
      text(policyOf('2', 'chat', { rules: [{ id: 'r', effect: 'permit', when: { 'context.a': { equals: 1 } } }] })),
      'malformed',
      /^policy\.rules\[0\]\.when\['context\.a'\]\.equals/,
    ],
    [
      'an undefined condition',
      policyOf('2', 'chat', { rules: [{ id: 'r', effect: 'permit', when: undefined }] }),
      'malformed',
      /^policy\.rules\[0\]: 'when' is undefined/,
    ],
    ['a cycle', cyclic, 'malformed', /./],
    ['a getter', Object.defineProperty(policyOf('2'), '$schema', { get: () => 'x', enumerable: true }), 'malformed', /getter/],
    ['a text that is cut', text(policyOf('2')).slice(0, -1), 'malformed', /ends too early/],
    ['a text that is cut in a word', '{"id": "p", "rules": [tru', 'malformed', /not JSON/],
    ['an empty text', '', 'malformed', /empty/],
    ['white space', ' \n', 'malformed', /empty/],
    ['zeros, as a crash leaves them', '\0'.repeat(64), 'malformed', /not JSON/],
    ['half of an older text behind a newer one', `${text(policyOf('2'))}"}]}`, 'malformed', /line 1, column/],
    ['a name twice', '{"id":"support","version":"2","rules":[],"rules":[]}', 'malformed', /twice/],
    ['__proto__', '{"id":"support","version":"2","rules":[],"__proto__":{}}', 'malformed', /__proto__/],
    ['a byte order mark', `\ufeff${text(policyOf('2'))}`, 'malformed', /not JSON/],
    ['brackets without end', '['.repeat(1_000_000), 'malformed', /levels/],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'malformed', /UTF-8/],
    ['a text that is too long', `"${'x'.repeat(10_000)}"`, 'unavailable', /longer than 4096/],
    ['bytes that are too many', new Uint8Array(10_000), 'unavailable', /longer than 4096/],
    ['null', null, 'malformed', /gave a null/],
    ['a number', 7, 'malformed', /gave a number/],
    ['true', true, 'malformed', /gave a boolean/],
    ['a function', () => policyOf('2'), 'malformed', /gave a function/],
    ['a list', [policyOf('2')], 'malformed', /^policy: must be an object/],
    ['an instance', new Map(), 'malformed', /plain object|instance/],
    ['a lower version', policyOf('1.9.9'), 'rolled_back', /lower version than '1\.10'/],
    ['another policy', policyOf('2', 'chat', { id: 'billing' }), 'id_unexpected', /^policy\.id: is not 'support'/],
    ['a signed text where nobody said whose signature counts', 'eyJh.eyJh.c2ln', 'signature_invalid', /requireSignature/],
    [
      'a duty that nobody foresaw',
      policyOf('2', 'chat', { rules: [{ id: 'r', effect: 'permit', obligations: [{ type: 'mask' }] }] }),
      'obligation_unknown',
      /'mask'/,
    ],
    ['an error', Promise.reject(new Error('password=x')), 'unavailable', /^the source failed: Error$/],
  ]
  for (const [name, loaded, code, message] of bad) {
    if (loaded instanceof Promise) loaded.catch(() => {})
    test(name, async (context) => {
      let next: unknown = policyOf('1.10')
      const { live, version, changes, refusals } = watched(context, { load: () => next, maxLength: 4096, obliges: ['no_stream'], clock: testClock() })
      await live.ready
      next = loaded
      // Brackets without end are longer than this policy may be.
      const expected = name === 'brackets without end' ? { code: 'unavailable' } : { code, message }
      await assert.rejects(live.refresh(), { name: 'PolicyError', ...expected })
      await assert.rejects(live.refresh(), { name: 'PolicyError', ...expected })
      assert.equal(version(), '1.10')
      assert.equal(live.evaluate(asking()).allowed, true)
      assert.equal(changes.length, 1)
      assert.equal(refusals.length, 1, 'told once')
      assert.equal(live.describe().lastRefusal?.code, expected.code)
      next = policyOf('2')
      assert.equal(await live.refresh(), true)
      assert.equal(live.describe().lastRefusal, undefined)
    })
  }

  test('and says why nothing is in force where there was none', async (context) => {
    const { live } = watched(context, { load: () => ({ id: 'p' }) })
    await assert.rejects(live.ready, { name: 'PolicyError', code: 'malformed' })
    assert.throws(
      () => live.evaluate(asking()),
      (error: Error) => {
        assert.match(String((error.cause as Error).message), /no policy is in force yet: policy\.rules/)
        return true
      },
    )
  })

  test('brackets without end end', async (context) => {
    const { live } = watched(context, { load: () => '['.repeat(8_000_000) })
    await assert.rejects(live.ready, { code: 'malformed', message: /levels/ })
  })

  test('nothing, where nothing came before, is nothing', async (context) => {
    const { live } = watched(context, { load: () => undefined })
    await assert.rejects(live.ready, { code: 'unavailable', message: /gave nothing before/ })
  })

  test('what was refused stays refused while the source says that it is the same', async (context) => {
    let loaded: unknown = policyOf('1')
    const { live, refusals } = watched(context, { load: () => loaded })
    await live.ready
    loaded = '{"id":'
    await assert.rejects(live.refresh(), { code: 'malformed' })
    loaded = undefined
    await assert.rejects(live.refresh(), { code: 'malformed' })
    assert.equal(live.describe().lastRefusal?.code, 'malformed')
    assert.equal(refusals.length, 1)
  })

  test('a source that flaps is told of at each turn, and changes nothing', async (context) => {
    let turn = 0
    const { live, changes, refusals } = watched(context, { load: () => (turn++ % 2 === 0 ? policyOf('2') : policyOf('1')), clock: testClock() })
    await live.ready
    for (let look = 0; look < 6; look++) await live.refresh().catch(() => {})
    assert.deepEqual(
      refusals.map(({ code }) => code),
      ['rolled_back', 'rolled_back', 'rolled_back'],
    )
    assert.equal(changes.length, 1)
  })
})

describe('an older policy', () => {
  test('comes into force where that is allowed, and where versions say nothing', async (context) => {
    for (const [first, second, options] of [
      ['2', '1', { allowRollback: true }],
      ['b', 'a', {}],
      [undefined, undefined, {}],
      ['2', undefined, {}],
    ] as const) {
      let policy = policyOf(first)
      const { live } = watched(context, { load: () => policy, ...options })
      await live.ready
      policy = policyOf(second, 'embed')
      assert.equal(await live.refresh(), true, `${first}, ${second}`)
    }
  })

  test('another policy does not come into force even so', async (context) => {
    let policy = policyOf('2')
    const { live } = watched(context, { load: () => policy, allowRollback: true })
    await live.ready
    policy = policyOf('3', 'chat', { id: 'billing' })
    await assert.rejects(live.refresh(), { code: 'id_unexpected' })
  })

  test('another policy than the one that is wanted does not come into force at first either', async (context) => {
    const { live } = watched(context, { load: () => policyOf('1', 'chat', { id: 'billing' }), id: 'support' })
    await assert.rejects(live.ready, { code: 'id_unexpected' })
  })
})

describe('a source that fails', () => {
  test('is asked again after a second at most, ever more rarely, and as usual once it is back', async (context) => {
    const clock = testClock()
    let isDown = true
    let loads = 0
    const load = (): unknown => {
      loads++
      if (isDown) throw new Error('down')
      return policyOf('1')
    }
    const { live, refusals, version } = watched(context, { load, every: 20, timeout: 1_000, clock })
    await assert.rejects(live.ready, { code: 'unavailable' })
    for (const delay of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const before = loads
      clock.advance(delay * 500 - 1)
      await turns()
      assert.equal(loads, before, `not before half of ${delay} s`)
      clock.advance(delay * 500 + 1)
      await turns()
      assert.equal(loads, before + 1, `within ${delay} s`)
    }
    assert.equal(refusals.length, 1)
    isDown = false
    clock.advance(60_000)
    await turns()
    assert.equal(version(), '1')
    const before = loads
    clock.advance(19_999)
    await turns()
    assert.equal(loads, before)
    clock.advance(1)
    await turns()
    assert.equal(loads, before + 1)
  })

  test('and hangs is given up, and what it gives too late counts for nothing', async (context) => {
    const clock = testClock()
    const gives: ((policy: unknown) => void)[] = []
    const signals: AbortSignal[] = []
    const load = ({ signal }: LoadRequest): Promise<unknown> => {
      signals.push(signal)
      return new Promise((resolve) => gives.push(resolve))
    }
    const { live, changes } = watched(context, { load, timeout: 3, clock })
    await turns()
    clock.advance(3_000)
    await assert.rejects(live.ready, { code: 'unavailable', message: 'it did not come within 3000 ms' })
    assert.equal(signals[0]?.aborted, true)
    gives[0]?.(policyOf('9'))
    await turns()
    assert.equal(live.current, undefined)
    clock.advance(1_000)
    await turns()
    gives[1]?.(policyOf('1'))
    await turns()
    assert.deepEqual(
      changes.map(({ current }) => current.version),
      ['1'],
    )
  })

  test('with a promise that throws when it is looked at is a source that fails', async (context) => {
    const hostile = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('hostile')
      },
    })
    const { live } = watched(context, { load: () => hostile })
    await assert.rejects(live.ready, { code: 'unavailable' })
  })
})

describe('where signatures are required', () => {
  let signer: SigningKeys
  let other: SigningKeys
  before(async () => {
    ;[signer, other] = await Promise.all([signingKeys(), signingKeys('ES256', 'another')])
  })
  const start = testClock().now()
  const signed = (policy: unknown, seconds = 0, keys = signer): Promise<string> =>
    signPolicy(policy, { key: keys.privateKey, clock: testClock(start + seconds * 1000) })
  const trusted = (): LivePolicyOptions['requireSignature'] => ({ keys: { keys: [signer.publicKey] } })

  test('A9: what is not signed, wrongly signed, or by somebody else does not load', async (context) => {
    let loaded: unknown = await signed(policyOf('1'))
    const { live, version } = watched(context, { load: () => loaded, requireSignature: trusted(), clock: testClock() })
    await live.ready
    assert.equal(live.describe().signed, true)
    const good = await signed(policyOf('2'))
    for (const [next, code] of [
      [policyOf('2'), 'unsigned'],
      [JSON.stringify(policyOf('2')), 'unsigned'],
      ['', 'unsigned'],
      [good.slice(0, -8), 'signature_invalid'],
      [`${good.slice(0, -8)}AAAAAAAA`, 'signature_invalid'],
      [await signed(policyOf('2'), 0, other), 'signature_invalid'],
    ] as const) {
      loaded = next
      await assert.rejects(live.refresh(), { code })
      assert.equal(version(), '1')
    }
    loaded = good
    assert.equal(await live.refresh(), true)
    assert.equal(version(), '2')
    assert.equal(live.describe().current?.signedAt, start)
  })

  test('an unsigned one does not load at first either', async (context) => {
    const { live } = watched(context, { load: () => policyOf('1'), requireSignature: trusted() })
    await assert.rejects(live.ready, { code: 'unsigned' })
    assert.throws(() => live.evaluate(asking()), unavailable)
  })

  test('what was signed earlier is older, whatever its version; what is wanted back is signed again', async (context) => {
    const first = await signed(policyOf('1', 'embed'), 0)
    let loaded = await signed(policyOf('2'), 100)
    const { live, version, refusals } = watched(context, { load: () => loaded, requireSignature: trusted(), clock: testClock(start + 200_000) })
    await live.ready
    loaded = first
    await assert.rejects(live.refresh(), { code: 'rolled_back', message: /signed before/ })
    loaded = await signed(policyOf('3', 'embed'), 99)
    await assert.rejects(live.refresh(), { code: 'rolled_back' })
    loaded = await signed(policyOf('1', 'embed'), 101)
    assert.equal(await live.refresh(), true)
    assert.equal(version(), '1')
    assert.equal(refusals.length, 1, 'the same reason twice is told once')
  })

  test('the same policy signed again makes what was signed in between older', async (context) => {
    let loaded = await signed(policyOf('1'), 0)
    const { live, changes } = watched(context, { load: () => loaded, requireSignature: trusted(), clock: testClock(start + 200_000) })
    await live.ready
    const between = await signed(policyOf('2'), 50)
    loaded = await signed(policyOf('1'), 100)
    assert.equal(await live.refresh(), false)
    assert.equal(live.describe().current?.signedAt, start + 100_000)
    loaded = between
    await assert.rejects(live.refresh(), { code: 'rolled_back' })
    // The very first text again is what is in force, and sets no clock back.
    loaded = await signed(policyOf('1'), 0)
    assert.equal(await live.refresh(), false)
    assert.equal(live.describe().current?.signedAt, start + 100_000)
    assert.equal(changes.length, 1)
  })

  test('what was signed before what still counts does not load, also after a restart', async (context) => {
    const loaded = await signed(policyOf('1'), 0)
    const requireSignature = { keys: localJwks({ keys: [signer.publicKey] }), since: start + 1 }
    const { live } = watched(context, { load: () => loaded, requireSignature })
    await assert.rejects(live.ready, { code: 'signature_invalid', message: /since/ })
  })

  test('what was signed for another policy does not come in the place of this one', async (context) => {
    const loaded = await signed(policyOf('1', 'chat', { id: 'billing' }))
    const { live } = watched(context, { load: () => loaded, requireSignature: trusted(), id: 'support' })
    await assert.rejects(live.ready, { code: 'id_unexpected' })
  })

  test('a key that comes later makes the same text count', async (context) => {
    const loaded: (string | undefined)[] = [await signed(policyOf('1'))]
    const known = localJwks({ keys: [signer.publicKey] })
    let state: 'down' | 'old' | 'new' = 'down'
    const keys: KeySource = {
      find(query, clock) {
        if (state === 'down') throw new Error('down')
        return state === 'old' ? undefined : known.find(query, clock)
      },
      trusts: () => false,
      describe: () => ({}),
    }
    // From the second look on the source says that nothing has changed.
    const { live, refusals } = watched(context, { load: () => loaded.pop(), requireSignature: { keys } })
    await assert.rejects(live.ready, { code: 'unavailable' })
    state = 'old'
    await assert.rejects(live.refresh(), { code: 'signature_invalid' })
    await assert.rejects(live.refresh(), { code: 'signature_invalid' })
    state = 'new'
    assert.equal(await live.refresh(), true)
    assert.deepEqual(
      refusals.map(({ code }) => code),
      ['unavailable', 'signature_invalid'],
    )
  })
})

describe('the set-up of a live policy', () => {
  const wrong: readonly (readonly [name: string, options: unknown, message: RegExp])[] = [
    ['nothing', undefined, /options must be an object/],
    ['no source', {}, /load: must be/],
    ['a path as a text', { load: 'policy.json' }, /load: must be/],
    ['an address as a text', { load: 'https://a.example/p' }, /load: must be/],
    ['an object that loads nothing', { load: { describe() {} } }, /load: must be/],
    ['an address that anybody can change on the way', { load: new URL('http://a.example/p') }, /https/],
    ['an address with a password', { load: new URL('https://u:p@a.example/p') }, /password/],
    ['a file as an address', { load: new URL('file:///etc/policy.json') }, /https/],
    ['an unknown option', { load() {}, interval: 5 }, /no option interval/],
    ['no period', { load() {}, every: 0 }, /every/],
    ['NaN as a period', { load() {}, every: Number.NaN }, /every/],
    ['no timeout', { load() {}, timeout: Number.POSITIVE_INFINITY }, /timeout/],
    ['an endless length', { load() {}, maxLength: Number.POSITIVE_INFINITY }, /maxLength/],
    ['signatures without keys', { load() {}, requireSignature: {} }, /requireSignature: keys/],
    ['true for signatures', { load() {}, requireSignature: true }, /requireSignature/],
    ['an empty id', { load() {}, id: '' }, /id/],
    ['duties that are no types', { load() {}, obliges: [1] }, /obliges/],
    ['rollback by a text', { load() {}, allowRollback: 'no' }, /allowRollback/],
    ['no listener', { load() {}, onChange: 1 }, /onChange/],
    ['a fetch for a function', { load() {}, fetch }, /fetch/],
    ['no clock', { load() {}, clock: {} }, /clock/],
  ]
  for (const [name, options, message] of wrong)
    test(`refuses ${name}`, () => assert.throws(() => livePolicy(options as LivePolicyOptions), { name: 'TypeError', message }))

  test('says beforehand to what its policies may oblige', async (context) => {
    const obliges = ['no_stream', 'mask']
    const { live } = watched(context, { load: () => policyOf('1'), obliges })
    obliges.push('anything')
    assert.deepEqual(live.obliges, ['mask', 'no_stream'])
    const { live: open } = watched(context, { load: () => policyOf('1') })
    assert.equal('obliges' in open, false)
  })

  test('an error of it is one', () => {
    assert.ok(new PolicyError('malformed', 'x') instanceof Error)
  })
})
