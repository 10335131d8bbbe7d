import type { AuthenticationResponseJSON, generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server'
import { callDigest } from '../../guard/call-digest.ts'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../../guard/check-options.ts'
import { within } from '../../guard/clock.ts'
import type { Awaitable, Call, Identity, Known } from '../../guard/context.ts'
import { builtIn, type Control, type Step } from '../../guard/control.ts'
import { denied, GuardError } from '../../guard/errors.ts'
import { memoryState } from '../../state/memory-state.ts'
import type { StateStore } from '../../state/state-store.ts'
import { isFramed, readAssertion } from './assertion.ts'
import { encodeBase64url } from './base64url.ts'
import { copyPasskeys, type KnownPasskey, type Passkey } from './passkey.ts'
import { type RelyingParty, relyingPartyOf } from './relying-party.ts'
import { type IssuedChallenge, StepUpChallenges } from './step-up-challenges.ts'

/** Options of `webauthnStepUp`. */
export interface WebauthnStepUpOptions {
  /** The two functions of `@simplewebauthn/server` (13 or later) that are used; the module itself will do. */
  readonly server: {
    /** Makes what a browser is asked with. */
    readonly generateAuthenticationOptions: typeof generateAuthenticationOptions
    /** Verifies what it answers. */
    readonly verifyAuthenticationResponse: typeof verifyAuthenticationResponse
  }
  /** Whom passkeys are registered with. */
  readonly relyingParty: RelyingParty
  /** The passkeys of a caller, and of nobody else. */
  readonly credentials: (identity: Identity) => Awaitable<readonly Passkey[]>
  /** Told which passkey was used and what its authenticator counts now, so that it is kept. The call waits for it. */
  readonly onUsed?: (id: string, counter: number) => Awaitable<void>
  /** Where is remembered which challenges were used; `memoryState()` unless given. Shared by all instances that share `secret`. */
  readonly store?: Pick<StateStore, 'add' | 'describe'>
  /** How long a challenge is good for, in seconds; 300 unless given. */
  readonly maxAge?: number
  /**
   * What challenges are signed with: at least 32 random bytes, the same for all instances that a caller may come back to. Random
   * for each process unless given.
   */
  readonly secret?: Uint8Array
}

type Decided = Call & Pick<Known, 'identity' | 'decision'>

/** The obligation that is carried out here. */
const duty = 'require_passkey'
/** How long the application's own functions and the store may take, in milliseconds. */
const patience = 5_000
/** How much longer than it is good a used challenge is remembered, in milliseconds: the clocks of instances differ. */
const clockSkew = 60_000
/** The longest header field in which passkeys are named: beyond it a client finds its passkey by itself. */
const maxOptionsLength = 6_000

const checks: Readonly<Record<keyof WebauthnStepUpOptions, Check>> = {
  server: [
    hasMethods('generateAuthenticationOptions', 'verifyAuthenticationResponse'),
    'an object with generateAuthenticationOptions and verifyAuthenticationResponse',
  ],
  relyingParty: [(value) => typeof value === 'object' && value !== null, 'an object with id and origins'],
  credentials: [isFunction, 'a function of the identity'],
  onUsed: [optional(isFunction), 'a function'],
  store: [optional(hasMethods('add', 'describe')), 'a StateStore'],
  maxAge: [optional((value) => typeof value === 'number' && value > 0 && value <= 86_400), 'seconds above zero and at most 86,400'],
  secret: [optional((value) => value instanceof Uint8Array && value.length >= 32), 'at least 32 bytes'],
}

/**
 * Lets a caller approve one high-risk action with a passkey (WebAuthn). Stands behind `authorize` and carries out its
 * obligation `{ type: 'require_passkey' }`: a decision without it costs nothing here.
 *
 * A call without an assertion is refused with `step_up_required` (401), and `headers['step-up-options']` holds what
 * `navigator.credentials.get` needs: a `PublicKeyCredentialRequestOptionsJSON`, as JSON in base64url. The same call then comes
 * again with the assertion (`AuthenticationResponseJSON`, as JSON in base64url) in `approvals`, or over HTTP in the field
 * `step-up-assertion`.
 *
 * The challenge is good for that one call: for the guard, the action, the resource with its properties, the caller
 * (`identity.key`) and the exact arguments. It expires, and works once. The authenticator must have verified its user, at one of
 * the origins and not in a frame of another page. Whatever is wrong is refused in the same way, with a new challenge; why is for the
 * log. A call on behalf of such a call carries the duty on, and needs an assertion of its own.
 *
 * Refuses with `denied` a caller who has no passkey, and with `keys_unavailable` where the passkeys or the store do not answer.
 *
 * ```ts
 * guard().use(audit({ log })).use(verifyIdentity({ verifiers })).use(authorize({ evaluator: policySet(policy) }))
 *   .use(webauthnStepUp({ server, relyingParty: { id: 'example.com', origins: 'https://app.example.com' }, credentials: passkeysOf }))
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function webauthnStepUp(options: WebauthnStepUpOptions): Control<Decided> {
  const stepUp = new StepUp(options)
  return builtIn<Decided, object>(
    'webauthnStepUp',
    {
      enter: (call, step) => (call.decision.obligations.some(({ type }) => type === duty) ? stepUp.require(call, step) : undefined),
    },
    { needs: ['identity', 'decision'], fulfills: [duty], describe: stepUp.describe() },
    {},
  )
}

/** What one assertion is held against. */
interface Attempt {
  readonly passkeys: readonly KnownPasskey[]
  readonly digest: Uint8Array
  readonly now: number
  readonly step: Step
}

class StepUp {
  readonly #server: WebauthnStepUpOptions['server']
  readonly #party: ReturnType<typeof relyingPartyOf>
  readonly #credentials: WebauthnStepUpOptions['credentials']
  readonly #onUsed: NonNullable<WebauthnStepUpOptions['onUsed']>
  readonly #store: NonNullable<WebauthnStepUpOptions['store']>
  /** Milliseconds. */
  readonly #maxAge: number
  readonly #challenges: StepUpChallenges

  constructor(options: WebauthnStepUpOptions) {
    checkOptions('webauthnStepUp', options, checks)
    const { server, relyingParty, credentials, onUsed = () => undefined, store = memoryState(), maxAge = 300, secret } = options
    // Instances that take each other's challenges must know which were used.
    if (secret !== undefined && options.store === undefined) throw new TypeError('webauthnStepUp: secret: needs a store that the instances share')
    this.#server = server
    this.#party = relyingPartyOf(relyingParty)
    this.#credentials = credentials
    this.#onUsed = onUsed
    this.#store = store
    this.#maxAge = maxAge * 1000
    this.#challenges = new StepUpChallenges(secret)
  }

  describe(): Readonly<Record<string, unknown>> {
    return { relyingParty: this.#party, maxAge: this.#maxAge / 1000, store: this.#store.describe() }
  }

  /** @throws GuardError where the caller has not approved this very call. */
  async require(call: Decided, step: Step): Promise<void> {
    const { decision, identity } = call
    const now = step.clock.now()
    const digest = await callDigest(call, step.input)
    const passkeys = await this.#passkeysOf(identity, step)
    if (passkeys.length === 0) throw denied(decision, 'denied', { reason: 'the permit wants a passkey, and the caller has none' })
    let reason = 'the permit wants a passkey, and no assertion came with the call'
    for (const text of step.approvals) {
      const assertion = readAssertion(text)
      // Approvals of other kinds may come beside it.
      if (assertion === undefined) continue
      const complaint = await this.#judge(assertion, { passkeys, digest, now, step })
      if (complaint === undefined) return step.fulfill(duty)
      reason = complaint
    }
    const challenge = await this.#challenges.issue(digest, now + this.#maxAge)
    throw denied(decision, 'step_up_required', {
      reason,
      headers: {
        // A 401 needs a challenge (RFC 9110, section 15.5.2); that of a token would send clients to who issues them, in vain.
        'www-authenticate': 'WebAuthn',
        'step-up-options': await this.#optionsFor(challenge, passkeys),
      },
    })
  }

  /** Why an assertion does not approve the call; undefined where it does. */
  async #judge(assertion: AuthenticationResponseJSON, { passkeys, digest, now, step }: Attempt): Promise<string | undefined> {
    const passkey = passkeys.find(({ id }) => id === assertion.id)
    if (passkey === undefined) return 'the assertion is of a passkey that the caller does not have'
    if (isFramed(assertion)) return 'the assertion was made in a frame of another page'
    const answered: { challenge?: IssuedChallenge | undefined } = {}
    let counter: number
    try {
      const { verified, authenticationInfo: info } = await this.#server.verifyAuthenticationResponse({
        response: assertion,
        expectedChallenge: async (text) => {
          answered.challenge = await this.#challenges.read(text, digest)
          return answered.challenge !== undefined
        },
        expectedOrigin: [...this.#party.origins],
        expectedRPID: this.#party.id,
        credential: passkey,
        requireUserVerification: true,
      })
      if (verified !== true || info.userVerified !== true || info.credentialID !== passkey.id) return 'the assertion does not verify'
      counter = info.newCounter
    } catch {
      // Its message quotes what the caller sent.
      const { challenge } = answered
      return challenge === undefined ? 'the assertion answers no challenge for this call' : 'the assertion does not verify'
    }
    const { challenge } = answered
    if (challenge === undefined) return 'the assertion answers no challenge for this call'
    if (challenge.expiresAt <= now) return 'the challenge has expired'
    const isNew: unknown = await this.#waitFor(step, 'the store of used challenges', () =>
      this.#store.add(`step-up:${challenge.nonce}`, challenge.expiresAt + clockSkew, now),
    )
    // Anything but a plain yes is a no.
    if (isNew !== true) return 'the challenge was used before'
    await this.#waitFor(step, 'onUsed', () => this.#onUsed(passkey.id, counter))
    return undefined
  }

  async #passkeysOf(identity: Identity, step: Step): Promise<readonly KnownPasskey[]> {
    const given = await this.#waitFor(step, 'credentials', () => this.#credentials(identity))
    try {
      return copyPasskeys(given)
    } catch (error) {
      throw new GuardError('misconfigured', { reason: 'the passkeys of the caller cannot be read', cause: error })
    }
  }

  async #optionsFor(challenge: Uint8Array<ArrayBuffer>, passkeys: readonly KnownPasskey[]): Promise<string> {
    const common = { rpID: this.#party.id, challenge, timeout: this.#maxAge, userVerification: 'required' } as const
    const named = passkeys.map(({ id, transports }) => ({ id, ...(transports !== undefined && { transports }) }))
    const text = asText(await this.#server.generateAuthenticationOptions({ ...common, allowCredentials: named }))
    return text.length <= maxOptionsLength ? text : asText(await this.#server.generateAuthenticationOptions(common))
  }

  async #waitFor<T>(step: Step, what: string, ask: () => Awaitable<T>): Promise<T> {
    try {
      return await within(step.clock, patience, what, ask())
    } catch (error) {
      throw new GuardError('keys_unavailable', { reason: `webauthnStepUp: ${what} failed`, cause: error })
    }
  }
}

function asText(options: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(options)))
}
