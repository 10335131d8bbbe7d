import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  audit,
  authorize,
  type ChatRequest,
  guard,
  jwt,
  killSwitch,
  knownDevices,
  policySet,
  revocationList,
  ssfReceiver,
  switches,
  verifyIdentity,
} from '../../src/index.ts'
import { dpopKey, recordingLog, type TestClock, testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, chunk, partsIn } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, served } from './served.ts'
import type { WholeGuard } from './whole-guard.ts'

const receiver = 'https://api.example/events'
const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const key = await dpopKey()

/** A model that talks for ever to a caller whose device must be compliant, and everybody who can put an end to it. */
function scene() {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const transmitter = testIssuer({ clock, issuer: 'https://id.example', audience: receiver })
  const revocation = revocationList({ clock })
  const off = switches()
  const posture = knownDevices({ clock })
  const log = recordingLog()
  const told: unknown[] = []
  const receive = ssfReceiver({
    issuer: transmitter.issuer,
    audience: receiver,
    keys: transmitter.options.keys,
    subjectsOf: issuer.issuer,
    revocation,
    clock,
    onError: (error) => told.push(error),
  })
  const rules = [{ id: 'compliant', effect: 'permit', when: { 'subject.posture.compliant': { eq: true } } }]
  const base = guard({ name: 'desk', clock, deadline: 3_600_000, onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, clock })], revocation, binding: 'dpop', devices: { posture } }))
    .use(killSwitch({ switches: off }))
    .use(authorize({ evaluator: policySet({ id: 'p', version: '1', rules }) }))
  let aborted = 0
  const talk = (_input: ChatRequest, signal: AbortSignal): object => {
    signal.addEventListener('abort', () => aborted++)
    return (async function* () {
      yield chunk({ delta: { content: 'word ' } })
      await new Promise(() => {})
    })()
  }
  const server = served(base as unknown as WholeGuard, talk, { origin: new URL(address).origin })
  const ask = async (token: string): Promise<Response> => {
    const dpop = await key.proof({ method: 'POST', url: address, token, iat: Math.floor(clock.now() / 1000) })
    return server.ask(chatRequest('go on', { stream: true }), { authorization: `DPoP ${token}`, dpop })
  }
  const mint = (): Promise<string> =>
    issuer.mint({ sub: 'ada', jti: 'token-1', sid: 'session-1', tid: 'acme', cnf: { jkt: key.jkt } }, { expiresIn: 3_000 })
  const event = async (type: string, subject: object, payload: object = {}): Promise<number> => {
    const body = await transmitter.mint(
      { sub: undefined, exp: undefined, client_id: undefined, sub_id: subject, events: { [caep + type]: payload } },
      { header: { typ: 'secevent+jwt' } },
    )
    return (await receive(new Request(receiver, { method: 'POST', body, headers: { 'content-type': 'application/secevent+jwt' } }))).status
  }
  return { clock, issuer, revocation, off, posture, log, told, server, ask, mint, event, aborted: () => aborted }
}

type Scene = ReturnType<typeof scene>

function reading(response: Response): { text: string; isOver: boolean } {
  const state = { text: '', isOver: false }
  void (async () => {
    for await (const bytes of response.body ?? []) state.text += new TextDecoder().decode(bytes)
    state.isOver = true
  })()
  return state
}

async function pass(clock: TestClock, milliseconds: number): Promise<void> {
  clock.advance(milliseconds)
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Opens a stream, lets something happen, and expects the stream's end within a second, and the refusal of the next call. */
async function ends(happening: (scene: Scene) => Promise<unknown>, code: string, next: string = code): Promise<void> {
  const opened = scene()
  const { clock, posture, log, server, ask, mint, aborted } = opened
  await posture.report(key.jkt, { compliant: true })
  const token = await mint()
  const response = await ask(token)
  assert.equal(response.status, 200, await (response.status === 200 ? '' : response.text()))
  const reader = reading(response)
  for (let looks = 0; looks < 6; looks++) await pass(clock, 500)
  assert.equal(reader.isOver, false)
  await happening(opened)
  await pass(clock, 500)
  await pass(clock, 499)
  assert.equal(reader.isOver, true)
  const { parts, isWhole } = partsIn(reader.text)
  assert.equal(isWhole, false)
  assert.match(JSON.stringify(parts.at(-1)), new RegExp(`"code":"${code}"`))
  assert.equal(aborted(), 1)
  const outcome = log.entries.find((record) => record.kind === 'outcome')
  assert.ok(outcome?.kind === 'outcome' && outcome.code === code && outcome.ending === 'refused')
  await assertRefused(await ask(token), next as 'denied', ['ada', 'token-1', key.jkt])
  assert.equal(server.ran.length, 1)
}

const ada = { format: 'iss_sub', iss: 'https://issuer.example', sub: 'ada' }

describe('A4: told from outside', () => {
  for (const [type, payload] of [
    ['session-revoked', {}],
    ['credential-change', { credential_type: 'password', change_type: 'update' }],
  ] as const)
    test(`the event ${type} ends an open stream, and the next call is refused`, async () => {
      await ends(async ({ event }) => assert.equal(await event(type, ada, payload), 202), 'identity_revoked')
    })

  test('an event of somebody who may not speak for the caller ends nothing', async () => {
    const opened = scene()
    await opened.posture.report(key.jkt, { compliant: true })
    const reader = reading(await opened.ask(await opened.mint()))
    const status = await opened.event('session-revoked', { ...ada, iss: 'https://other.example' })
    assert.equal(status, 400)
    assert.equal(opened.told.length, 1)
    await pass(opened.clock, 1_000)
    assert.equal(reader.isOver, false)
  })

  for (const target of [{ guard: 'desk' }, { model: 'gpt-5' }, { tenant: 'acme' }] as const)
    test(`a kill switch (${Object.keys(target).join()}) ends an open stream, and the next call is refused`, async () => {
      await ends(({ off }) => Promise.resolve(off.off(target)), 'switched_off')
    })

  test('a kill switch of another tenant ends nothing', async () => {
    const opened = scene()
    await opened.posture.report(key.jkt, { compliant: true })
    const reader = reading(await opened.ask(await opened.mint()))
    await opened.off.off({ tenant: 'other' })
    await pass(opened.clock, 1_000)
    assert.equal(reader.isOver, false)
  })

  test('a device that is no longer compliant ends an open stream, and the next call is refused', async () => {
    await ends(({ posture }) => posture.report(key.jkt, { compliant: false }), 'identity_revoked', 'denied')
  })

  test('a device that is forgotten ends an open stream, and the next call is refused', async () => {
    await ends(({ posture }) => posture.forget(key.jkt), 'identity_revoked', 'denied')
  })
})
