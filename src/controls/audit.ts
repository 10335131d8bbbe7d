import { AnswerMeter, contentText } from '../audit-log/answer-meter.ts'
import { AttributeRecorder } from '../audit-log/attribute-recorder.ts'
import type { AuditLog, AuditSink } from '../audit-log/audit-log.ts'
import { decisionRecord, outcomeRecord, type RecordDetails } from '../audit-log/call-records.ts'
import { keyedDigest, type KeyedDigest } from '../audit-log/keyed-digest.ts'
import { RecordWriter } from '../audit-log/record-writer.ts'
import type { RecordedAttributes } from '../audit-log/recorded-attributes.ts'
import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Awaitable, Call, Entry, Settled } from '../guard/context.ts'
import { builtIn, type Control, type Outcome, type Step } from '../guard/control.ts'
import { type DecisionGrounds, type GroundsHolder, groundsHolderOf, holdGrounds, releaseGrounds } from '../guard/decision-grounds.ts'
import { GuardError, reasonOf } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'

/** Options of `audit`. */
export interface AuditOptions {
  /**
   * Where records go: a log, which is its maker's to close, or a function that gives a promise of one; then the guard
   * opens it with its first call and closes it with itself.
   */
  readonly log: AuditLog | (() => Promise<AuditLog>)
  /**
   * What records tell of payloads: nothing (`none`, unless given), or a keyed digest (HMAC-SHA-256) of the input as the
   * function got it and of the answer as it was delivered (`digest`).
   */
  readonly content?: 'none' | 'digest'
  /**
   * The key of those digests, at least 32 bytes. Without one a random key is made for this process: then equal contents
   * are equal in its records, and nobody can find a short text again by trying. Only with a key of one's own can a
   * content be shown to be the one that was recorded.
   */
  readonly digestKey?: Uint8Array
  /**
   * Seals the attributes that policy read, so that the log can be replayed against another policy: a key of 32 bytes for
   * AES-256-GCM, for at most 2^32 calls. Without one records name the attributes and hold none of their values; then
   * `policy diff` and the access review know only what stands in a record anyway. A call whose attributes cannot be sealed is
   * one whose record cannot be written (`onFailure`). Values that are too long to be kept are left out.
   */
  readonly sealAttributes?: Uint8Array
  /** Get a copy of every record, later, in order, at least once. Calls never wait for them. */
  readonly sinks?: readonly AuditSink[]
  /**
   * What happens to a call whose record cannot be written: it is refused with `audit_unavailable` (`refuse`, unless
   * given), or it goes on, `onError` is told, and the next record says how many are missing (`degrade`).
   */
  readonly onFailure?: 'refuse' | 'degrade'
  /** When a record counts as written: when the log says that it is durable. */
  readonly durability?: 'durable'
  /** Told of records that could not be written and of sinks that fail. Writes a line to `console.error` unless given. */
  readonly onError?: (error: unknown) => void
}

const maybe = ([accepts, wanted]: Check): Check => [optional(accepts), wanted]
const isLog = hasMethods('append', 'describe')
const checks: Readonly<Record<keyof AuditOptions, Check>> = {
  log: [
    (value) => isLog(value) || isFunction(value),
    'an AuditLog, such as await fileLog(…) or memoryLog(), or a function that gives a promise of one',
  ],
  content: maybe(oneOf('none', 'digest')),
  digestKey: maybe([(value) => value instanceof Uint8Array && value.length >= 32, 'a Uint8Array of at least 32 bytes']),
  sealAttributes: maybe([(value) => value instanceof Uint8Array && value.length === 32, 'a Uint8Array of 32 bytes']),
  sinks: maybe([(value) => Array.isArray(value) && value.every(isSink), 'AuditSinks, each with a name and deliver()']),
  onFailure: maybe(oneOf('refuse', 'degrade')),
  durability: maybe(oneOf('durable')),
  onError: maybe([isFunction, 'a function']),
}

/**
 * Records every decision and every outcome. It comes first in a chain.
 *
 * A call of a known caller has exactly two records under its own id: the decision, durable before the function runs, and
 * the outcome, durable before a whole answer is released or a stream says that it has ended. Refusals of callers whom
 * nobody knows are counted, and leave one record every ten seconds. No record holds a credential or a payload.
 *
 * ```ts
 * const log = await fileLog('var/audit', { signer: await fileSigner('var/audit.key') })
 * const base = guard().use(audit({ log }))
 * ```
 *
 * Refuses with `audit_unavailable` when the log cannot take a record.
 *
 * @throws TypeError for a wrong option.
 */
export function audit(options: AuditOptions): Control<Call, { readonly entry: Entry }> {
  const { log, digestKey, sealAttributes, sinks, onFailure, onError, content, durability } = parseOptions(options)
  const writer = new RecordWriter({ log, sinks, degrade: onFailure === 'degrade', onError })
  // Lazily: some runtimes have no random values while a module loads.
  let digest: KeyedDigest | undefined
  const digester = (): KeyedDigest | undefined => {
    if (content === 'digest') digest ??= keyedDigest(digestKey ?? crypto.getRandomValues(new Uint8Array(32)))
    return digest
  }
  const recorder = new AttributeRecorder(sealAttributes)

  // Nothing is waited for but the log, where there is nothing else to wait for: this stands in the way of every call.
  const decide = (trail: Trail, call: Settled, step: Step): Promise<void> => {
    const input = digester()?.digest(contentText(step.input))
    const { grounds } = trail
    const attributes = attributesOf(call, grounds)
    const elevated = grounds?.elevated
    return isThenable(input) || isThenable(attributes)
      ? Promise.all([input, attributes]).then((made) => allow(trail, call, step, { digest: made[0], attributes: made[1], elevated }))
      : allow(trail, call, step, { digest: input, attributes, elevated })
  }
  const attributesOf = (call: Settled, grounds: DecisionGrounds | undefined): Awaitable<RecordedAttributes | undefined> => {
    try {
      const made = recorder.record(call.id, grounds, digester())
      return isThenable(made) ? made.catch(unsealed) : made
    } catch (error) {
      return unsealed(error)
    }
  }
  // What cannot be sealed is never left in clear, and not left out where a call without its record must not run.
  const unsealed = (error: unknown): undefined => {
    const refusal = new GuardError('audit_unavailable', { reason: 'the attributes could not be sealed', cause: error })
    if (onFailure === 'refuse') throw refusal
    writer.tell(refusal)
  }
  const allow = async (trail: Trail, call: Settled, step: Step, details: RecordDetails): Promise<void> => {
    // Before it is known to be in the log: a call that is stopped meanwhile must not have a second decision.
    trail.decided = true
    try {
      await writer.write((missing) => decisionRecord(call, step, undefined, { ...details, missing }), step.clock)
    } catch (error) {
      trail.decided = false
      throw error
    }
  }
  return builtIn<Call, { readonly entry: Entry }>(
    'audit',
    {
      enter(call, step) {
        holdGrounds(step, new Trail())
        writer.open(step.clock)
        return { entry: { id: call.id } }
      },
      request(_input, _context, call, step) {
        const trail = trailOf(step)
        if (trail !== undefined) step.beforeRun(() => decide(trail, call, step))
        return undefined
      },
      response(parts, _context, _call, step) {
        const trail = trailOf(step)
        const running = digester()?.running()
        if (trail === undefined || (running === undefined && step.codec === undefined)) return parts
        trail.meter = new AnswerMeter(step.codec, running, step.streamed)
        return trail.meter.watch(parts)
      },
      leave(outcome, _context, call, step) {
        const trail = trailOf(step)
        releaseGrounds(step)
        if (trail?.decided === true) return end(trail, outcome, call, step)
        // A call that is made for another one has somebody behind it.
        if (call.identity === undefined && call.parent === undefined) return writer.count(call.guard, outcome.error, step.clock)
        return refuse(outcome, call, step, trail?.grounds)
      },
    },
    {
      adds: ['entry'],
      describe: {
        log: typeof log === 'function' ? { kind: 'opened by the guard' } : log.describe(),
        content,
        sealsAttributes: sealAttributes !== undefined,
        onFailure,
        durability,
        sinks: sinks.map(({ name }) => name),
      },
    },
    { close: () => writer.close() },
  )

  async function end(trail: Trail, outcome: Outcome, call: Settled, step: Step): Promise<void> {
    const { meter } = trail
    const output = content === 'digest' ? await meter?.digest(outcome.parts) : undefined
    await writer.write((missing) => outcomeRecord(call, step, outcome, true, meter?.usage, { missing, digest: output }), step.clock)
  }

  // A refusal is recorded even where what led to it cannot be sealed.
  async function attributesOfRefusal(call: Settled, grounds: DecisionGrounds | undefined): Promise<RecordedAttributes | undefined> {
    try {
      return await attributesOf(call, grounds)
    } catch (error) {
      writer.tell(error)
      return undefined
    }
  }

  async function refuse(outcome: Outcome, call: Settled, step: Step, grounds: DecisionGrounds | undefined): Promise<void> {
    const elevated = grounds?.elevated
    const attributes = await attributesOfRefusal(call, grounds)
    // One after the other in the log, and one wait.
    await Promise.all([
      writer.write((missing) => decisionRecord(call, step, outcome.error, { missing, attributes, elevated }), step.clock),
      writer.write((missing) => outcomeRecord(call, step, outcome, false, undefined, { missing }), step.clock),
    ])
  }
}

/** What is known of a call between its phases. */
class Trail implements GroundsHolder {
  /** Whether it was allowed, by a record that is in the log or on its way there. */
  decided = false
  meter: AnswerMeter | undefined
  /** What it was decided by. */
  grounds: DecisionGrounds | undefined
}

function trailOf(step: Step): Trail | undefined {
  const holder = groundsHolderOf(step)
  return holder instanceof Trail ? holder : undefined
}

interface Settings extends Required<Omit<AuditOptions, 'digestKey' | 'sealAttributes'>> {
  readonly digestKey: Uint8Array | undefined
  readonly sealAttributes: Uint8Array | undefined
}

function parseOptions(options: AuditOptions): Settings {
  checkOptions('audit', options, checks)
  const { log, content = 'none', digestKey, sealAttributes, sinks = [], onFailure = 'refuse', durability = 'durable', onError = report } = options
  if (digestKey !== undefined && content !== 'digest') throw new TypeError("audit: digestKey is for content: 'digest'")
  return {
    log,
    content,
    digestKey: digestKey?.slice(),
    sealAttributes: sealAttributes?.slice(),
    sinks: [...sinks],
    onFailure,
    durability,
    onError,
  }
}

function isSink(value: unknown): boolean {
  return hasMethods('deliver')(value) && typeof (value as AuditSink).name === 'string'
}

function report(error: unknown): void {
  console.error(`sallyport: audit: ${reasonOf(error)}`)
}
