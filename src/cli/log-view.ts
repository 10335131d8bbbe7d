import type { AuditSink, LoggedEntry } from '../audit-log/audit-log.ts'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { fromTheBeginning } from '../audit-log/file-cursor.ts'
import { type LogFeed, openFeed } from '../audit-log/file-feed.ts'
import { proveEntry } from '../audit-log/file-prove.ts'
import { verifyLog } from '../audit-log/file-verify.ts'
import { LogError } from '../audit-log/log-error.ts'
import { verifyProof } from '../audit-log/verify-proof.ts'
import { callPage, type Proven } from '../audit-view/call-page.ts'
import { callList, filterOf } from '../audit-view/call-list.ts'
import { RecentCalls, type SeenCall } from '../audit-view/calls.ts'
import { type Html, html } from '../audit-view/html.ts'
import { overview } from '../audit-view/overview.ts'
import type { Standing } from '../audit-view/page.ts'
import { Tally } from '../audit-view/tally.ts'
import { reasonOf } from '../guard/errors.ts'
import type { FoundKey } from './verifier-key.ts'

/** Calls that are kept to be looked at one by one, and how many of them a list shows. */
const keptCalls = 20_000
const shownCalls = 200

/** Which log is shown, and what it is held to. */
export interface LogViewOptions {
  readonly directory: string
  readonly key: FoundKey
  readonly anchor: string | undefined
  /** How often the log is looked at, in seconds. */
  readonly every: number
  /** Told when there is more to see. */
  readonly onChange: () => void
}

/** What is shown of a log: only entries that its key signed, as they come. */
export class LogView {
  readonly #options: LogViewOptions
  readonly #tally = new Tally()
  readonly #calls = new RecentCalls(keptCalls)
  #feed: LogFeed | undefined
  #unreadable = 0
  #whole: { readonly anchored: boolean; readonly problem: string | undefined } | undefined

  constructor(options: LogViewOptions) {
    this.#options = options
  }

  /** Reads what is there, and goes on. @throws LogError where it does not hold. */
  async open(): Promise<void> {
    const { directory, key, every, onChange } = this.#options
    const sink: AuditSink = {
      name: 'view',
      deliver: (entries) => {
        for (const entry of entries) this.#add(entry)
        onChange()
      },
    }
    this.#feed = await openFeed(directory, { key: key.key, sink, every, onError: onChange }, () => fromTheBeginning)
    await this.#feed.flush().catch(() => {})
    await this.#verify()
  }

  /** Looks at the log now. */
  async renew(): Promise<void> {
    await this.#feed?.flush().catch(() => {})
  }

  close(): Promise<void> | undefined {
    return this.#feed?.close()
  }

  get standing(): Standing {
    const failure = this.#feed?.failure
    const problem = failure === undefined ? this.#whole?.problem : failure instanceof LogError ? failure.message : reasonOf(failure)
    return {
      origin: this.#options.key.key.split('+')[0] ?? 'log',
      proven: this.#feed?.next ?? 0,
      ...(problem !== undefined && { problem }),
      anchored: this.#whole?.anchored === true,
      pinned: this.#options.key.pinned,
    }
  }

  /** The title and the content of a page; undefined where there is none. */
  async show(path: string, query: URLSearchParams): Promise<{ readonly title: string; readonly main: Html } | undefined> {
    if (path === '/')
      return {
        title: 'Overview',
        main: html`${overview(this.#tally)}${this.#unreadable === 0 ? undefined : html`<p>${this.#unreadable} entries could not be read.</p>`}`,
      }
    if (path === '/calls') {
      const filter = filterOf(query)
      return { title: 'Calls', main: callList(this.#calls.list(filter, shownCalls), filter, keptCalls) }
    }
    const id = /^\/call\/([^/]{1,256})$/.exec(path)?.[1]
    const call = id === undefined ? undefined : this.#calls.get(decodeURIComponent(id))
    if (call === undefined) return undefined
    return { title: `Call ${call.id}`, main: await this.#callPage(call) }
  }

  async #callPage(call: SeenCall): Promise<Html> {
    const placed = [call.decision, call.outcome].filter((each) => each !== undefined)
    const proven = await Promise.all(placed.map((each) => this.#prove(each)))
    const task = placed[0]?.record.task
    return callPage(call, proven, task === undefined ? [] : this.#calls.ofTask(task))
  }

  async #prove(placed: Proven['placed']): Promise<Proven> {
    try {
      const { proof, text } = await proveEntry(this.#options.directory, placed.index)
      return { placed, proof, isProven: proof.hash === placed.hash && (await verifyProof(proof, text, this.#options.key.key)) }
    } catch {
      return { placed, proof: undefined, isProven: false }
    }
  }

  #add(entry: LoggedEntry): void {
    try {
      this.#tally.add(entry)
      this.#calls.add(entry)
    } catch {
      // Of a newer version, or made by somebody else with the same key.
      this.#unreadable++
    }
  }

  // Once as a whole: against the anchor, and with everything that is not under the checkpoint.
  async #verify(): Promise<void> {
    const { directory, key, anchor } = this.#options
    const report = await verifyLog(directory, { key: key.key, ...(anchor !== undefined && { anchor: fileAnchor(anchor) }) })
    const worst = report.problems.find(({ severity }) => severity === 'error')
    this.#whole = { anchored: report.anchored, problem: worst === undefined ? undefined : worst.message }
  }
}
