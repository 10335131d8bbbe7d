import { type Check, checkOptions, hasMethods, isBoolean, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Text } from '../guard/codec.ts'
import type { Awaitable, Call, Identity, Known, Masked } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import type { AsyncDetector } from '../masking/async-detector.ts'
import type { Detect } from '../masking/detector.ts'
import { type MaskDirection, maskDuty, type Restorable } from '../masking/mask-duty.ts'
import { maskAnswer, maskInput } from '../masking/mask-payload.ts'
import type { Treatment } from '../masking/masker.ts'
import { type Hidden, Masking } from '../masking/masking.ts'
import type { MaskMode, ModeChoice, Position } from '../masking/modes.ts'
import { type PseudonymScope, PseudonymVault } from '../masking/pseudonym.ts'
import { SessionKeeper, type SessionPseudonyms } from '../masking/session-pseudonyms.ts'
import { autoCodec } from '../payload/auto.ts'

type Decided = Call & Pick<Known, 'identity' | 'decision'>

/** Options of `maskData`. */
export interface MaskDataOptions {
  /** What must not be seen: `detectors.pii`, `detectors.all`, `[detectors.email, mine]`, ... */
  readonly detect: Detect
  /** Whoever takes his time to find more: a model, a service. Asked sentence by sentence; where one fails or is late the call is refused. */
  readonly asyncDetect?: AsyncDetector | readonly AsyncDetector[]
  /** What is written in its place: one mode, or some by type and by position. */
  readonly mode: MaskMode | ModeChoice
  /** Whether what goes in, what comes out, or both is masked. */
  readonly direction: MaskDirection
  /**
   * Whether pseudonyms in an answer become the caller's own values again; needs mode `pseudonym`. False unless given. With `policy` an obligation must
   * allow it: `{ type: 'mask', restore: ['text'] }`.
   */
  readonly restore?: boolean | 'policy'
  /**
   * At least 32 bytes; copied. Needed by modes `hash` and `surrogate`. In mode `pseudonym` every process with the same key gives a value the
   * same pseudonym; without one they are random.
   */
  readonly key?: Uint8Array
  /** The session whose pseudonyms these are; the claim `sid` of the identity unless given. Must give a non-empty string. */
  readonly session?: (call: Call & Pick<Known, 'identity'>) => string
  /**
   * Where pseudonyms of a session are kept when more than one process serves it, or it outlives them; only in the memory unless given. Needs `key`
   * and mode `pseudonym`. To callers without a credential nothing is kept, unless `session` names theirs.
   */
  readonly sessions?: SessionPseudonyms<Call & Pick<Known, 'identity'>>
  /**
   * What happens to characters that nobody sees and a model reads: tags, zero-width characters, directions, selectors where no
   * script and no emoji needs them. `strip` unless given.
   */
  readonly hidden?: Hidden
  /** What happens to a request with content that no detector can read (pictures, sound, files): `refuse` unless given. */
  readonly opaque?: 'refuse' | 'pass'
}

const checks: Readonly<Record<keyof MaskDataOptions, Check>> = {
  detect: [(value) => typeof value === 'object' && value !== null, 'detectors, such as detectors.pii'],
  mode: [
    (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
    "'redact', 'pseudonym', 'hash', 'partial', 'surrogate', 'block' or a choice of them",
  ],
  asyncDetect: [optional((value) => typeof value === 'object' && value !== null), 'asynchronous detectors'],
  direction: oneOf('request', 'response', 'both'),
  restore: [optional((value) => isBoolean(value) || value === 'policy'), "a boolean or 'policy'"],
  key: [optional((value) => value instanceof Uint8Array), 'a Uint8Array of at least 32 bytes'],
  session: [optional(isFunction), 'a function'],
  sessions: [optional(hasMethods('load', 'save')), 'an object with load and save'],
  hidden: [optional((value) => value === 'strip' || value === 'refuse' || value === 'pass'), "'strip', 'refuse' or 'pass'"],
  opaque: [optional((value) => value === 'refuse' || value === 'pass'), "'refuse' or 'pass'"],
}

/** What is known of a call between its phases. */
interface Progress {
  readonly scope: PseudonymScope
  /** The newest pseudonym of the scope when the call began. */
  readonly serial: number
  counts: Readonly<Record<string, number>>
  restorable: Restorable
}

// The issuer of callers without a credential, as `anonymous()` makes it.
const anonymousIssuer = 'urn:sallyport:anonymous'

const nothing: Readonly<Record<string, number>> = Object.freeze({})

/**
 * Masks what must not be seen, in every text of a request and of its answer, whole or streamed. Stands last in a chain, so
 * that it is the last to touch what goes in and the first to read what comes out. Needs `identity` and `decision`, adds
 * `masked`: counts by type, filled in before the decision is recorded.
 *
 * - Pseudonyms belong to the caller (tenant, `identity.key`) and the session. What looks like one and was not minted there
 *   becomes a value like any other. With `restore`, those of the caller's own values are undone in the answer, but in tool
 *   calls' arguments and in addresses (also URLs within a text) only where an obligation `mask` allows it:
 *   `{ type: 'mask', restore: ['arguments', 'url'] }`. With `restore: 'policy'` that goes for ordinary text too (`text`).
 * - Where answers are masked and restored, a value that stood in a request of this session, whoever wrote it there, is
 *   shown when the model says it; any other value that it says is masked, and its pseudonym is never restored.
 * - Carries out the obligation `mask` with `types`, `direction` and `mode`; one that asks for more is left unmet.
 *
 * ```ts
 * guard().use(…).use(authorize({ evaluator })).use(maskData({ detect: detectors.pii, mode: 'pseudonym', direction: 'both', restore: true, key }))
 * ```
 *
 * Refuses with `payload_unsupported` where no codec can read the payload or it has content that is no text, and with
 * `payload_blocked` (400) in mode `block` where something is found.
 *
 * @throws TypeError for wrong options.
 */
export function maskData(options: MaskDataOptions): Control<Decided, Pick<Known, 'masked'>> {
  checkOptions('maskData', options, checks)
  const { detect, asyncDetect, mode, direction, restore = false, key, session, sessions, hidden = 'strip', opaque = 'refuse' } = options
  const masking = new Masking({ detect, mode, hidden, ...(asyncDetect !== undefined && { asyncDetect }), ...(key !== undefined && { key }) })
  if (restore !== false && !masking.hasPseudonyms) throw new TypeError("maskData: restore needs mode 'pseudonym'")
  if (sessions !== undefined && (!masking.hasPseudonyms || masking.hash === undefined))
    throw new TypeError("maskData: sessions needs mode 'pseudonym' and a key")
  const keeper = sessions === undefined || masking.hash === undefined ? undefined : new SessionKeeper(sessions, masking.hash)
  const vault = new PseudonymVault(masking.hash)
  const calls = new WeakMap<Step, Progress>()
  const masksRequests = direction !== 'response'
  const masksAnswers = direction !== 'request'

  const keeperOf = (call: Decided): typeof keeper => (session === undefined && isAnonymous(call) ? undefined : keeper)

  const begin = (call: Decided, step: Step): Awaitable<{ masked: Masked }> => {
    const scope = vault.scope(masking.hasPseudonyms ? scopeName(call, session) : '')
    const loading = keeperOf(call)?.load(scope, call)
    return loading === undefined ? start(step, scope) : loading.then(() => start(step, scope))
  }

  const start = (step: Step, scope: PseudonymScope): { masked: Masked } => {
    const progress: Progress = { scope, serial: scope.serial, counts: nothing, restorable: { text: false, arguments: false, url: false } }
    calls.set(step, progress)
    // Added now and filled in later: what is found is known only once the input is read for the last time.
    const masked: Masked = Object.freeze({
      get counts() {
        return progress.counts
      },
    })
    return { masked }
  }

  const mask = (input: unknown, progress: Progress, step: Step): unknown => {
    const codec = codecOf(step)
    if (opaque === 'refuse' && codec.facts(input).opaque.length > 0)
      throw new GuardError('payload_unsupported', { reason: 'the payload has content that is no text and cannot be masked' })
    const counts: Record<string, number> = {}
    const count = (type: string): void => void (counts[type] = (counts[type] ?? 0) + 1)
    const treatments = new Map<Position, Treatment>()
    const texts = codec.texts(input)
    const masked = maskInput(texts, (text) => {
      const position = positionOf(text)
      const known = treatments.get(position) ?? masking.input(progress.scope, progress.serial, count, position, step.clock)
      treatments.set(position, known)
      return known
    })
    const finish = (values: readonly string[]): unknown => {
      progress.counts = Object.freeze(counts)
      return values.every((value, index) => value === texts[index]?.value) ? undefined : codec.replace(input, values)
    }
    return Array.isArray(masked) ? finish(masked) : Promise.resolve(masked).then(finish)
  }

  const isRestored = (kind: Text['kind'], restorable: Restorable): boolean =>
    restore !== false && kind !== 'identifier' && ((kind === 'text' && restore === true) || restorable[kind])

  return builtIn<Decided, Pick<Known, 'masked'>>(
    'maskData',
    {
      enter(call, step) {
        const loading = masking.ready()
        return loading === undefined ? begin(call, step) : loading.then(() => begin(call, step))
      },
      request(input, context, _call, step) {
        const progress = progressOf(calls, step)
        const duty = maskDuty(context.decision.obligations, { types: masking.types, direction, modes: masking.modes })
        progress.restorable = duty.restorable
        // Also where only the answer is masked: it is better refused now than when it is there.
        codecOf(step)
        const rewritten = masksRequests ? mask(input, progress, step) : undefined
        if (duty.met) step.fulfill('mask')
        const keeping = keeperOf(context)
        if (keeping === undefined) return rewritten
        return Promise.resolve(rewritten).then(async (value) => {
          await keeping.save(progress.scope, context)
          return value
        })
      },
      ...((masksAnswers || restore !== false) && {
        response(parts: AsyncIterable<unknown>, _context: unknown, _call: unknown, step: Step): AsyncIterable<unknown> {
          const { scope, restorable } = progressOf(calls, step)
          return maskAnswer(parts, codecOf(step).answer, step.streamed, (kind) =>
            masking.output(
              scope,
              {
                mask: masksAnswers,
                restore: isRestored(kind, restorable),
                urls: restorable.url,
              },
              step.clock,
            ),
          )
        },
      }),
      // A table of the living is small; one of the dead is work for the garbage collector.
      leave: (_outcome, _context, _call, step) => void calls.delete(step),
    },
    {
      needs: ['identity', 'decision'],
      adds: ['masked'],
      fulfills: ['mask'],
      describe: {
        detect: [...masking.types],
        mode: masking.modes.describe(),
        direction,
        restore,
        hidden,
        opaque,
        keyed: key !== undefined,
        ...(keeper !== undefined && { sessions: 'sealed' }),
      },
    },
    { rewrites: true, codec: autoCodec },
  )
}

function positionOf({ kind, role }: Text): Position {
  return kind === 'arguments' || kind === 'url' ? kind : role
}

function codecOf(step: Step): NonNullable<Step['codec']> {
  if (step.codec === undefined) throw new GuardError('payload_unsupported', { reason: 'no codec says where the texts of the payload are' })
  return step.codec
}

function progressOf(calls: WeakMap<Step, Progress>, step: Step): Progress {
  const progress = calls.get(step)
  if (progress === undefined) throw new GuardError('misconfigured', { reason: 'maskData was not entered' })
  return progress
}

// Parts that cannot run into each other.
function scopeName(call: Decided, session: MaskDataOptions['session']): string {
  const { tenant, key } = call.identity
  // Nobody is not one caller: whoever comes without a credential shares nothing with the next.
  const own = isAnonymous(call) ? call.id : sessionOf(call.identity)
  return JSON.stringify([tenant ?? null, key, session === undefined ? own : checkedSession(session(call))])
}

function isAnonymous({ identity }: Decided): boolean {
  return identity.issuer === anonymousIssuer
}

function sessionOf({ claims }: Identity): string | null {
  return typeof claims.sid === 'string' ? claims.sid : null
}

function checkedSession(session: unknown): string {
  abandon(session)
  if (typeof session !== 'string' || session === '') throw new GuardError('misconfigured', { reason: 'the session of a call has no name' })
  return session
}
