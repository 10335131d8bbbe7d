import type { CallOptions } from './call-options.ts'
import type { Chain } from './chain.ts'
import type { Call } from './context.ts'
import { GuardError } from './errors.ts'
import { GuardedParts, SourceParts } from './guarded-parts.ts'
import { hidesStream, isStream } from './guarded-parts.ts'
import type { Planned, Source } from './operation.ts'
import { asRefusal, refusing } from './refusing.ts'
import { Run } from './run.ts'
import { tell } from './settle.ts'
import { abandon, isThenable } from './thenable.ts'
import { WholeAnswer } from './whole-answer.ts'

/** The function at the end of a chain. */
export type Protected = (input: unknown, call: Call) => unknown

/**
 * One call through a chain: admits it, runs the function at most once, and takes its answer out through the controls.
 * A whole answer is returned when its outcome is recorded; a stream is returned as an iterator that ends the call.
 *
 * @param withInput whether the call's context holds the input, as server handlers get it.
 * @throws TypeError at once for wrong call options; else what refused the call, or what the function threw.
 */
export async function mediate(chain: Chain, plan: Planned, source: Source, options: CallOptions, fn: Protected, withInput = false): Promise<unknown> {
  const run = new Run(chain, plan, source, options)
  try {
    await run.admit()
  } catch (error) {
    throw await refuse(run, asRefusal(error))
  }
  let answer: unknown
  try {
    answer = fn(run.input, run.grant(withInput))
    if (isThenable(answer)) answer = await run.wait(answer)
    else if (run.stopped !== undefined) throw run.stopped.error
  } catch (error) {
    // A stream that nobody will read, also one that comes too late.
    const cancel = (value: unknown): void => {
      if (isStream(value)) new SourceParts(run, value).cancel()
    }
    if (isThenable(answer)) Promise.resolve(answer).then(cancel, () => {})
    else cancel(answer)
    // What the function throws is its own, also where it is a refusal of another guard.
    throw run.stopped === undefined ? await run.settle('failed', error) : await refuse(run, run.stopped.error)
  }
  try {
    return isStream(answer) ? streamed(run, answer) : await whole(run, answer)
  } catch (error) {
    throw await refuse(run, asRefusal(error))
  }
}

function refuse(run: Run, error: GuardError): Promise<unknown> {
  // Nobody but the operator can do anything about it, and the caller is told nothing.
  if (error.code === 'misconfigured') tell(run, error)
  return run.stopped === undefined ? run.settle('refused', error) : run.settle(run.stopped.ending, run.stopped.error)
}

function streamed(run: Run, stream: AsyncIterable<unknown> | ReadableStream<unknown>): GuardedParts {
  run.streamed = true
  const source = new SourceParts(run, stream)
  try {
    return new GuardedParts(run, source, respond(run, source))
  } catch (error) {
    source.cancel()
    throw error
  }
}

async function whole(run: Run, answer: unknown): Promise<unknown> {
  const { codec } = run.plan
  if (codec === undefined && hidesStream(answer))
    throw new GuardError('payload_unsupported', { reason: 'the answer carries a stream inside: return the stream itself' })
  let value = codec === undefined ? answer : codec.answer.snapshot(answer, false)
  if (run.chain.responds) {
    const source = WholeAnswer.of(value)
    const parts = respond(run, source)
    // Where no control put anything around the source, nothing was looked at and nothing need be read.
    if (parts !== source) {
      const treated = run.wait(parts instanceof WholeAnswer ? parts.take() : single(parts))
      value = isThenable(treated) ? await treated : treated
    }
  }
  if (run.stopped !== undefined) throw run.stopped.error
  run.parts = 1
  const problem = await run.settle('completed')
  if (problem !== undefined) throw problem
  return value
}

// Innermost first.
function respond(run: Run, source: AsyncIterable<unknown>): AsyncIterable<unknown> {
  let parts = source
  const { inward, phases } = run.chain
  for (let place = inward.length - 1; place >= 0; place--) {
    const index = inward[place] ?? 0
    const phase = phases[index]
    if (phase?.response === undefined) continue
    const before = parts
    parts = refusing(() => phase.response?.(before, run.context, run.context, run.step)) ?? before
    if (!isStream(parts)) abandon(parts)
    if (!isStream(parts)) throw new GuardError('misconfigured', { reason: `the response of '${run.chain.controls[index]?.name}' gives no parts` })
  }
  return parts
}

async function single(parts: AsyncIterable<unknown>): Promise<unknown> {
  let found: { readonly value: unknown } | undefined
  for await (const value of parts) {
    if (found !== undefined) throw new GuardError('misconfigured', { reason: 'a control made several parts of a whole answer' })
    found = { value }
  }
  if (found === undefined) throw new GuardError('misconfigured', { reason: 'a control swallowed the answer' })
  return found.value
}
