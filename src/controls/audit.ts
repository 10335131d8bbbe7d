import { AnswerMeter, contentText } from '../audit-log/answer-meter.ts'
import { AttributeRecorder } from '../audit-log/attribute-recorder.ts'
import type { AuditLog, AuditSink } from '../audit-log/audit-log.ts'
import { decisionRecord, outcomeRecord, type RecordDetails } from '../audit-log/call-records.ts'
import { keyedDigest, type KeyedDigest } from '../audit-log/keyed-digest.ts'
import type { ContentKey, ContentKeys } from '../audit-log/content-keys.ts'
import type { ContentWriter } from '../audit-log/content-writer.ts'
import { type Durability, RecordWriter } from '../audit-log/record-writer.ts'
import type { RecordedAttributes } from '../audit-log/recorded-attributes.ts'
import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Awaitable, Call, Entry, Settled } from '../guard/context.ts'
import { builtIn, type Control, type Outcome, type Step } from '../guard/control.ts'
import { type DecisionGrounds, type GroundsHolder, groundsHolderOf, holdGrounds, releaseGrounds } from '../guard/decision-grounds.ts'
import { GuardError, isGuardError, reasonOf } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'

/** Options of `audit`. */
export interface AuditOptions {
  /**
   * Where records go: a log, which is its maker's to close, or a function that gives a promise of one; then the guard
   * opens it with its first call and closes it with itself.
   */
  readonly log: AuditLog | (() => Promise<AuditLog>)
  /**
   * What records tell of payloads: nothing (`none`, unless given), a keyed digest (HMAC-SHA-256) of the input as the
   * function got it and of the answer as it was delivered (`digest`), or both of them, sealed under a key of the caller's own
   * (`sealed`): in records of kind `content`, up to 1 MiB each. `contentKeys.shred(identity.key)` erases a caller's, and every
   * proof stays valid.
   */
  readonly content?: 'none' | 'digest' | 'sealed'
  /** The callers' keys, for `content: 'sealed'`: `fileContentKeys` from `sallyport/file`, or `memoryContentKeys`. */
  readonly contentKeys?: ContentKeys
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
  /**
   * When a record counts as taken, for all or by class: `durable` (unless given), when it outlives a power cut; `written`, when
   * it outlives the process; `queued`, as soon as the log has room for it. What the log has no room for refuses the call in
   * each of them; what a queue loses later is told to `onError`, and the next record says how many are missing.
   */
  readonly durability?: Durability | { readonly decision?: Durability; readonly outcome?: Durability; readonly refusals?: Durability }
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
  content: maybe(oneOf('none', 'digest', 'sealed')),
  contentKeys: maybe([hasMethods('keyOf', 'find', 'shred', 'describe'), 'ContentKeys, such as await fileContentKeys(…)']),
  digestKey: maybe([(value) => value instanceof Uint8Array && value.length >= 32, 'a Uint8Array of at least 32 bytes']),
  sealAttributes: maybe([(value) => value instanceof Uint8Array && value.length === 32, 'a Uint8Array of 32 bytes']),
  sinks: maybe([(value) => Array.isArray(value) && value.every(isSink), 'AuditSinks, each with a name and deliver()']),
  onFailure: maybe(oneOf('refuse', 'degrade')),
  durability: maybe([
    (value) => isDurability(value) || areDurabilities(value),
    "'durable', 'written' or 'queued', or one of these for each of decision, outcome and refusals",
  ]),
  onError: maybe([isFunction, 'a function']),
}

function isDurability(value: unknown): value is Durability {
  return value === 'durable' || value === 'written' || value === 'queued'
}

function areDurabilities(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, one]) => ['decision', 'outcome', 'refusals'].includes(name) && (one === undefined || isDurability(one)))
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
  const { log, digestKey, sealAttributes, sinks, onFailure, onError, content, contentKeys, durability } = parseOptions(options)
  const writer = new RecordWriter({ log, sinks, degrade: onFailure === 'degrade', onError, refusals: durability.refusals })
  // Lazily: some runtimes have no random values while a module loads.
  let digest: KeyedDigest | undefined
  const digester = (): KeyedDigest | undefined => {
    if (content === 'digest') digest ??= keyedDigest(digestKey ?? crypto.getRandomValues(new Uint8Array(32)))
    return digest
  }
  const recorder = new AttributeRecorder(sealAttributes)

  // Nothing is waited for but the log, where there is nothing else to wait for: this stands in the way of every call.
  const decide = (trail: Trail, call: Settled, step: Step): Promise<void> => {
    if (contentKeys !== undefined) return decideSealed(trail, call, step, contentKeys)
    const input = digester()?.digest(contentText(step.input))
    const { grounds } = trail
    const attributes = attributesOf(call, grounds)
    const elevated = grounds?.elevated
    return isThenable(input) || isThenable(attributes)
      ? Promise.all([input, attributes]).then((made) => allow(trail, call, step, { digest: made[0], attributes: made[1], elevated }))
      : allow(trail, call, step, { digest: input, attributes, elevated })
  }
  // The input's pieces stand before the decision, and all of them are on the disk before the function runs.
  const decideSealed = async (trail: Trail, call: Settled, step: Step, keys: ContentKeys): Promise<void> => {
    const { grounds } = trail
    const { ContentWriter } = await import('../audit-log/content-writer.ts')
    const key = keyOf(keys, call)
    const writerOf = (of: 'input' | 'output'): ContentWriter =>
      new ContentWriter(
        { guard: call.guard, id: call.id, of, task: call.task },
        key,
        (record) =>
          writer.write(
            (missing) => (missing === undefined ? record : { ...record, missing }),
            step.clock,
            durability[of === 'input' ? 'decision' : 'outcome'],
          ),
        () => step.clock.now(),
      )
    const input = writerOf('input')
    input.update(contentText(step.input))
    trail.output = writerOf('output')
    const [attributes] = await Promise.all([attributesOf(call, grounds), sealed(input.end())])
    await allow(trail, call, step, { attributes, content: input.content, elevated: grounds?.elevated })
  }
  // Where a call goes on without its records, it goes on without its content.
  const sealed = async (ending: Promise<string>): Promise<undefined> => {
    try {
      await ending
    } catch (error) {
      const refusal = isGuardError(error) ? error : new GuardError('audit_unavailable', { reason: 'the content could not be sealed', cause: error })
      if (onFailure === 'refuse') throw refusal
      writer.tell(refusal)
    }
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
  const allow = (trail: Trail, call: Settled, step: Step, details: RecordDetails): Promise<void> => {
    // Before it is known to be in the log: a call that is stopped meanwhile must not have a second decision.
    trail.decided = true
    return writer
      .write((missing) => decisionRecord(call, step, undefined, { ...details, missing }), step.clock, durability.decision)
      .catch((error: unknown) => {
        trail.decided = false
        throw error
      })
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
        const running = trail?.output ?? digester()?.running()
        if (trail === undefined || (running === undefined && step.codec === undefined)) return parts
        trail.meter = new AnswerMeter(step.codec, running, step.streamed, () => step.clock.now())
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
        ...(contentKeys !== undefined && { contentKeys: contentKeys.describe() }),
        sealsAttributes: sealAttributes !== undefined,
        onFailure,
        durability: new Set(Object.values(durability)).size === 1 ? durability.decision : durability,
        sinks: sinks.map(({ name }) => name),
      },
    },
    { close: () => writer.close() },
  )

  function end(trail: Trail, outcome: Outcome, call: Settled, step: Step): Promise<void> {
    const { meter, output } = trail
    // The bytes that were delivered last are taken up only now.
    const ending = meter?.digest(outcome.parts)
    if (ending === undefined) return conclude(trail, outcome, call, step)
    const isSealed = output !== undefined
    return (isSealed ? sealed(ending) : ending).then((digest) => conclude(trail, outcome, call, step, isSealed ? undefined : digest))
  }

  function conclude({ meter, output }: Trail, outcome: Outcome, call: Settled, step: Step, digest?: string): Promise<void> {
    const first = meter?.firstAt === undefined ? undefined : Math.max(0, meter.firstAt - call.startedAt)
    const content = output?.content
    return writer.write(
      (missing) => outcomeRecord(call, step, outcome, true, meter?.usage, { content, digest, first, missing }),
      step.clock,
      durability.outcome,
    )
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
      writer.write((missing) => decisionRecord(call, step, outcome.error, { missing, attributes, elevated }), step.clock, durability.decision),
      writer.write((missing) => outcomeRecord(call, step, outcome, false, undefined, { missing }), step.clock, durability.outcome),
    ])
  }
}

/** What is known of a call between its phases. */
class Trail implements GroundsHolder {
  /** Whether it was allowed, by a record that is in the log or on its way there. */
  decided = false
  meter: AnswerMeter | undefined
  /** Where the answer is sealed for the log. */
  output: ContentWriter | undefined
  /** What it was decided by. */
  grounds: DecisionGrounds | undefined
}

function trailOf(step: Step): Trail | undefined {
  const holder = groundsHolderOf(step)
  return holder instanceof Trail ? holder : undefined
}

async function keyOf(keys: ContentKeys, { identity }: Settled): Promise<ContentKey> {
  if (identity === undefined) throw new Error('nobody is known whom the content could be sealed for')
  return await keys.keyOf(identity.key)
}

interface Settings extends Required<Omit<AuditOptions, 'digestKey' | 'sealAttributes' | 'contentKeys' | 'durability'>> {
  readonly contentKeys: ContentKeys | undefined
  readonly durability: { readonly decision: Durability; readonly outcome: Durability; readonly refusals: Durability }
  readonly digestKey: Uint8Array | undefined
  readonly sealAttributes: Uint8Array | undefined
}

function parseOptions(options: AuditOptions): Settings {
  checkOptions('audit', options, checks)
  const {
    log,
    content = 'none',
    contentKeys,
    digestKey,
    sealAttributes,
    sinks = [],
    onFailure = 'refuse',
    durability = 'durable',
    onError = report,
  } = options
  if ((contentKeys !== undefined) !== (content === 'sealed')) throw new TypeError("audit: content: 'sealed' and contentKeys go together")
  if (digestKey !== undefined && content !== 'digest') throw new TypeError("audit: digestKey is for content: 'digest'")
  return {
    log,
    content,
    digestKey: digestKey?.slice(),
    sealAttributes: sealAttributes?.slice(),
    sinks: [...sinks],
    onFailure,
    contentKeys,
    durability: durabilitiesOf(durability),
    onError,
  }
}

function durabilitiesOf(given: NonNullable<AuditOptions['durability']>): Settings['durability'] {
  const all = typeof given === 'string' ? { decision: given, outcome: given, refusals: given } : given
  return { decision: all.decision ?? 'durable', outcome: all.outcome ?? 'durable', refusals: all.refusals ?? 'durable' }
}

function isSink(value: unknown): boolean {
  return hasMethods('deliver')(value) && typeof (value as AuditSink).name === 'string'
}

function report(error: unknown): void {
  console.error(`sallyport: audit: ${reasonOf(error)}`)
}
