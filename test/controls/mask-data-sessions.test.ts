import assert from 'node:assert/strict'
import { test } from 'node:test'
import { audit } from '../../src/controls/audit.ts'
import { maskData, type MaskDataOptions } from '../../src/controls/mask-data.ts'
import type { Call, Decision, Identity, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn } from '../../src/guard/control.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { detectors } from '../../src/masking/detectors.ts'
import type { Detector } from '../../src/masking/detector.ts'
import { TextMasker } from '../../src/masking/masker.ts'
import { Masking } from '../../src/masking/masking.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'
import { toolArguments } from '../../src/payload/tool-arguments.ts'
import { Walk } from '../../src/payload/walk.ts'
import type { SessionPseudonyms } from '../../src/masking/session-pseudonyms.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'

const key = new Uint8Array(32).fill(3)

interface Who {
  readonly subject?: string
  readonly session?: string
  readonly issuer?: string
  readonly obligations?: readonly Obligation[]
}

type Sessions = SessionPseudonyms<Call & Pick<Known, 'identity'>>
const log = recordingLog()

/** One process: what it remembers is its own. The function answers with what it was given, behind what it is told to say. */
function processOf(
  options: Partial<MaskDataOptions>,
  say: (seen: string) => string = (seen) => `said: ${seen}`,
): (input: string, who?: Who) => Promise<string> {
  let who: Who = {}
  const identified = builtIn<Call, { identity: Identity }>('identified', { enter: () => ({ identity: identityOf(who) }) }, { adds: ['identity'] }, {})
  const decided = builtIn<Call & Pick<Known, 'identity'>, { decision: Decision }>(
    'decided',
    { enter: () => ({ decision: { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: who.obligations ?? [] } }) },
    { needs: ['identity'], adds: ['decision'] },
    {},
  )
  const run = guard({ onError: () => {} })
    .use(audit({ log, content: 'digest' }))
    .use(identified)
    .use(decided)
    .use(maskData({ detect: detectors.all, mode: 'pseudonym', direction: 'request', restore: true, key, ...options }))
    .protect(async (input: string) => say(input), { action: 'chat', resource: { type: 'model', id: 'm' } })
  return (input, now = {}) => {
    who = now
    return run(input)
  }
}

function identityOf({ subject = 'ada', session = 's1', issuer = 'i' }: Who): Identity {
  return {
    key: `1:i${subject}`,
    subject,
    issuer,
    kind: 'user',
    roles: [],
    scopes: [],
    claims: { sid: session },
    actors: [],
    assurance: { amr: [] },
    expiresAt: Number.POSITIVE_INFINITY,
  }
}

/** What an application has: sessions, and in each of them a text. */
function store(kept: Map<string, string>): Sessions & { loads: number; saves: number } {
  return {
    loads: 0,
    saves: 0,
    load({ identity }) {
      this.loads++
      return kept.get(String(identity.claims.sid))
    },
    async save({ identity }, sealed) {
      this.saves++
      kept.set(String(identity.claims.sid), sealed)
    },
  }
}

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => isGuardError(error) && error.code === code
}

test('a pseudonym that one process gave is restored by another that serves the same session', async () => {
  const kept = new Map<string, string>()
  const sessions = store(kept)
  let token = ''
  const first = processOf({ sessions }, (seen) => (token = seen))
  assert.equal(await first('bob@example.com'), 'bob@example.com')
  assert.match(token, /^EMAIL/)
  assert.ok(![...kept.values()].join().includes('bob'))
  // The history of the second call lies with the model: only its pseudonym comes back.
  const second = processOf({ sessions }, () => `wrote to ${token}`)
  assert.equal(await second('what did you do?'), 'wrote to bob@example.com')
  // Nothing new is nothing to save.
  assert.deepEqual([sessions.loads, sessions.saves], [2, 1])
  await second('and rob@example.com')
  assert.equal(sessions.saves, 2)
  assert.equal(await processOf({ sessions }, () => token)('?'), 'bob@example.com')
  // Without the session nobody knows it.
  assert.equal(await processOf({}, () => token)('?'), token)
})

test('what was saved for one session, caller or key refuses in another, before the function runs', async () => {
  const kept = new Map<string, string>()
  await processOf({ sessions: store(kept) })('bob@example.com')
  const sealed = kept.get('s1') ?? ''
  let ran = 0
  const count = (seen: string): string => {
    ran++
    return seen
  }
  const stolen = processOf({ sessions: store(new Map([['s2', sealed]])) }, count)
  await assert.rejects(stolen('hi', { session: 's2' }), refusedWith('decryption_failed'))
  await assert.rejects(processOf({ sessions: store(kept) }, count)('hi', { subject: 'eve' }), refusedWith('decryption_failed'))
  await assert.rejects(processOf({ sessions: store(kept), key: key.map(() => 9) }, count)('hi'), refusedWith('decryption_failed'))
  await assert.rejects(processOf({ sessions: store(new Map([['s1', `${sealed.slice(0, -2)}AA`]])) }, count)('hi'), refusedWith('decryption_failed'))
  assert.equal(ran, 0)
})

test('a store that fails refuses before the function runs, and its error is not told', async () => {
  let ran = 0
  const failing = (part: Partial<Sessions>): Sessions => ({ load: () => undefined, save: () => undefined, ...part })
  const down = (): never => {
    throw new Error('redis://:secret@host is down')
  }
  for (const sessions of [
    failing({ load: down }),
    failing({ load: () => Promise.reject(new Error('x')) }),
    failing({ save: down }),
    failing({ save: () => Promise.reject(new Error('x')) }),
  ])
    await assert.rejects(
      processOf({ sessions }, (seen) => {
        ran++
        return seen
      })('bob@example.com'),
      (error) => isGuardError(error) && error.code === 'misconfigured' && !error.message.includes('secret'),
    )
  assert.equal(ran, 0)
  await assert.rejects(processOf({ sessions: failing({ load: () => 7 as never }) })('hi'), refusedWith('decryption_failed'))
})

test('nothing is kept for callers without a credential, who are nobody twice, unless their session has a name', async () => {
  const sessions = store(new Map())
  const anonymous = { issuer: 'urn:sallyport:anonymous' }
  await processOf({ sessions })('bob@example.com', anonymous)
  assert.deepEqual([sessions.loads, sessions.saves], [0, 0])
  await processOf({ sessions, session: () => 'cookie' })('bob@example.com', anonymous)
  assert.deepEqual([sessions.loads, sessions.saves], [1, 1])
})

test('whether a value is restored in arguments and addresses is for policy to say, and no record holds it, whatever is restored', async () => {
  const say = (seen: string): string => `https://evil.example/?q=${seen} and ${seen}`
  const chat = processOf({ direction: 'both' }, say)
  const before = log.entries.length
  assert.match(await chat('bob@example.com'), /^https:\/\/evil\.example\/\?q=EMAIL[0-9a-z]{16} and bob@example\.com$/)
  const allowed = [{ type: 'mask', restore: ['url'] }]
  assert.equal(await chat('bob@example.com', { obligations: allowed }), 'https://evil.example/?q=bob@example.com and bob@example.com')
  // Two that say different things: the stricter one holds.
  assert.match(await chat('bob@example.com', { obligations: [...allowed, { type: 'mask' }] }), /\?q=EMAIL/)
  await assert.rejects(chat('bob@example.com', { obligations: [{ type: 'mask', restore: ['everywhere'] }] }), refusedWith('obligation_unmet'))
  const records = JSON.stringify(log.entries.slice(before))
  assert.ok(log.entries.length - before >= 6 && records.includes('EMAIL'))
  assert.ok(!records.includes('bob@') && !records.includes('example.com'))
})

test('a value is restored into a leaf of the arguments of a tool, and into no other place of them', async () => {
  const value = 'x1","role":"admin","y":"z9'
  const badge: Detector = {
    type: 'BADGE',
    maxLength: 64,
    find: (text) => [...text.matchAll(/x1.*z9/g)].map(({ index, 0: { length } }) => ({ start: index, end: index + length })),
  }
  const treatments = new Masking({ detect: badge, mode: 'pseudonym', key })
  const scope = new PseudonymScope('', treatments.hash)
  const token = new TextMasker(treatments.input(scope, 0)).whole(value)
  const restored = treatments.output(scope, { mask: false, restore: true, urls: true })
  assert.ok(restored !== undefined)
  const sent = JSON.stringify({ badge: token, role: 'user', note: `"${token}"`, nested: JSON.stringify({ badge: token }) })
  const { texts } = Walk.find(toolArguments(true), sent)
  const written = Walk.replace(
    toolArguments(true),
    sent,
    texts.map((text) => new TextMasker(restored).whole(text.value)),
  )
  const read = JSON.parse(String(written)) as Record<string, string>
  assert.deepEqual([Object.keys(read), read.badge, read.role, read.note], [['badge', 'role', 'note', 'nested'], value, 'user', `"${value}"`])
})

test("with restore: 'policy' nobody sees a value again whom policy does not allow it", async () => {
  const chat = processOf({ restore: 'policy' })
  assert.match(await chat('bob@example.com'), /^said: EMAIL/)
  assert.match(await chat('bob@example.com', { obligations: [{ type: 'mask', restore: ['arguments', 'url'] }] }), /^said: EMAIL/)
  assert.equal(await chat('bob@example.com', { obligations: [{ type: 'mask', restore: ['text'] }] }), 'said: bob@example.com')
  assert.equal(await chat('bob@example.com', { obligations: [{ type: 'mask', restore: 'text' }] }), 'said: bob@example.com')
  // Of several the strictest.
  assert.match(await chat('bob@example.com', { obligations: [{ type: 'mask', restore: ['text'] }, { type: 'mask' }] }), /^said: EMAIL/)
  // One that asks for more than the control does allows nothing.
  await assert.rejects(
    chat('bob@example.com', { obligations: [{ type: 'mask', restore: ['text'], types: ['NAME'] }] }),
    refusedWith('obligation_unmet'),
  )
  assert.throws(() => processOf({ restore: 'always' as never }), TypeError)
  assert.throws(() => processOf({ restore: 'policy', mode: 'redact' }), TypeError)
})

test('sessions need a key and pseudonyms, and are described without either', () => {
  const sessions = store(new Map())
  const options: MaskDataOptions = { detect: detectors.all, mode: 'pseudonym', direction: 'both', key, sessions }
  assert.deepEqual(JSON.stringify(maskData(options)).includes('undefined'), false)
  for (const change of [{ key: undefined }, { mode: 'redact' }, { sessions: {} }, { sessions: { load() {} } }, { sessions: null }])
    assert.throws(() => maskData({ ...options, ...change } as MaskDataOptions), TypeError)
})
