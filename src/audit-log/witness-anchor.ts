import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { isSecureUrl } from '../keys/secure-url.ts'
import type { Anchor, ConsistencyProver } from './audit-log.ts'
import { parseHead } from './checkpoint.ts'
import { type Cosigner, cosignatureIn, parseCosigner } from './cosignature.ts'
import { LogError } from './log-error.ts'
import { unverifiedText } from './signed-note.ts'

/** Options of `witnessAnchor`. */
export interface WitnessAnchorOptions {
  /** Where checkpoints are submitted: the witness's submission prefix, to which `/add-checkpoint` is added. HTTPS, or loopback. */
  readonly url: string | URL
  /** The witness's verifier key: `name+id+base64`, of a timestamped Ed25519 cosignature (C2SP `tlog-cosignature`). */
  readonly key: string
  /**
   * Keeps the newest cosigned checkpoint, since a witness gives none back: `fileAnchor(path)`. It need not be out of reach: the
   * witness says when it has seen more.
   */
  readonly store: Anchor
  /** Used instead of the global one. */
  readonly fetch?: typeof globalThis.fetch
}

const checks: Readonly<Record<keyof WitnessAnchorOptions, Check>> = {
  url: [(value) => (typeof value === 'string' && URL.canParse(value)) || value instanceof URL, 'a URL'],
  key: [(value) => typeof value === 'string', "the witness's verifier key: name+id+base64"],
  store: [hasMethods('publish', 'latest'), 'an Anchor, such as fileAnchor(path)'],
  fetch: [optional(isFunction), 'a function'],
}

/** Characters that an answer of a witness may have. */
const maxAnswer = 16_384
/** Milliseconds that a witness has to answer. */
const patience = 10_000

/**
 * An anchor that is a witness (C2SP `tlog-witness`): a server of somebody else's, which signs a checkpoint only where it is
 * consistent with every one that it has seen. So a tail that was cut off, a rollback and a second version of the log are seen
 * even where whoever made them has the log's key. The witness must know the log's origin and key.
 *
 * ```ts
 * const anchor = await witnessAnchor({ url: 'https://witness.example', key: witnessKey, store: fileAnchor('var/cosigned') })
 * const log = await fileLog('var/audit', { signer, origin: 'example.com/support-bot', anchor })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export async function witnessAnchor(options: WitnessAnchorOptions): Promise<Anchor> {
  checkOptions('witnessAnchor', options, checks)
  const { key, store, fetch = globalThis.fetch } = options
  const url = new URL(options.url)
  if (!isSecureUrl(url)) throw new TypeError('witnessAnchor: url must be HTTPS, or on this machine')
  url.pathname = `${url.pathname.replace(/\/$/, '')}/add-checkpoint`
  const witness: Cosigner = await parseCosigner(key)

  const submit = async (
    note: string,
    old: number,
    proof: readonly string[],
  ): Promise<{ readonly cosignature: string } | { readonly size: number }> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: [`old ${old}`, ...proof, '', note].join('\n'),
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    })
    const answer = await textOf(response)
    if (response.status === 200) {
      const line = await cosignatureIn(answer, textIn(note), witness)
      if (line === undefined) throw new Error('The witness gave no cosignature of its own')
      return { cosignature: line }
    }
    // It has another size than we thought, and says which.
    const [, size] = response.status === 409 ? (/^(\d{1,16})\n?$/.exec(answer) ?? []) : []
    if (size !== undefined) return { size: Number(size) }
    if (response.status === 422) throw new LogError('forked', 'The witness has seen another log of this name: the checkpoint does not follow from it')
    throw new Error(`The witness refused the checkpoint with status ${response.status}`)
  }

  return {
    async publish(note, prove) {
      const { size } = headIn(note)
      let old = await sizeIn(store)
      // Before the witness sees it: after a crash in between, what it has seen must not be news to us.
      await store.publish(note, prove)
      for (let attempt = 0; ; attempt++) {
        const answer = await submit(note, old, old === 0 || old === size ? [] : await provenBy(prove, old))
        if ('cosignature' in answer) {
          await store.publish(`${note}${answer.cosignature}\n`, prove)
          return
        }
        if (answer.size > size) throw rolledBack(answer.size, size)
        // What it named must be what it has, or it would have us run in circles.
        if (attempt > 0 || answer.size === old) throw new Error('The witness contradicts itself')
        old = answer.size
      }
    },
    async latest() {
      const note = await store.latest()
      if (note === undefined) return undefined
      const { size } = headIn(note)
      // Whoever can put an older log back can put an older cosignature beside it. The witness cannot be put back.
      const answer = await submit(ownNote(note, witness.name), size, [])
      if ('size' in answer && answer.size > size) throw rolledBack(answer.size, size)
      // One that has seen less was not reached before a crash, and will be with the next checkpoint.
      return note
    },
  }
}

function rolledBack(known: number, size: number): LogError {
  return new LogError(
    'rolled_back',
    `The witness has seen ${known} entries and the log has ${size}: an older copy was put back, or its end was cut off`,
  )
}

async function provenBy(prove: ConsistencyProver | undefined, old: number): Promise<readonly string[]> {
  if (prove === undefined) throw new Error('A witness needs a consistency proof, and this log gives none')
  return prove(old)
}

async function sizeIn(store: Anchor): Promise<number> {
  const note = await store.latest()
  return note === undefined ? 0 : headIn(note).size
}

function headIn(note: string): { readonly size: number } {
  const head = parseHead(textIn(note))
  if (head === undefined) throw new TypeError('witnessAnchor: this is no checkpoint')
  return head
}

function textIn(note: string): string {
  return unverifiedText(note) ?? ''
}

// The checkpoint without what the witness added to it.
function ownNote(note: string, witness: string): string {
  const end = note.indexOf('\n\n') + 2
  const lines = note.slice(end).split('\n')
  return note.slice(0, end) + lines.filter((line) => !line.startsWith(`\u2014 ${witness} `)).join('\n')
}

async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    text += decoder.decode(value, { stream: true })
    if (text.length > maxAnswer) {
      await reader.cancel()
      throw new Error('The witness gave far too long an answer')
    }
  }
}
