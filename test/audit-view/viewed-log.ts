import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileLog, fileLog } from '../../src/audit-log/file-log.ts'
import type { AuditRecord, DecisionRecord, OutcomeRecord } from '../../src/audit-log/record.ts'
import { LogView } from '../../src/cli/log-view.ts'
import { type ViewServer, viewServer } from '../../src/cli/view-server.ts'
import { seededSigner } from '../audit-log/signing.ts'

/** A log, the view of it, and the server of the view. */
export interface ViewedLog {
  readonly directory: string
  readonly log: FileLog
  readonly view: LogView
  readonly server: ViewServer
  /** Appends records and signs them. */
  append(...records: AuditRecord[]): Promise<void>
  close(): Promise<void>
}

export async function viewedLog(records: readonly AuditRecord[], every = 3600): Promise<ViewedLog> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-view-'))
  const directory = join(folder, 'log')
  const log = await fileLog(directory, { signer: seededSigner(1), origin: 'bot', checkpointEvery: { seconds: 3600 } })
  const append = async (...more: AuditRecord[]): Promise<void> => {
    await Promise.all(more.map((record) => log.append(record)))
    await log.checkpoint()
  }
  await append(...records)
  let server: ViewServer | undefined
  const view = new LogView({ directory, key: { key: log.key, pinned: true }, anchor: undefined, every, onChange: () => server?.changed() })
  await view.open()
  const made = await viewServer(view, 0)
  server = made
  return {
    directory,
    log,
    view,
    server: made,
    append,
    async close() {
      await made.close()
      await view.close()
      await log.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const start = Date.UTC(2026, 10, 25, 12)

/** A call's decision. */
export function decided(number: number, own: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    version: 1,
    kind: 'decision',
    time: start + number * 10_000,
    id: `call-${number}`,
    task: `call-${number}`,
    guard: 'bot',
    action: 'chat',
    resource: { type: 'model', id: 'gpt-5' },
    allowed: true,
    subject: { key: '3:idpada', subject: 'ada', issuer: 'idp', kind: 'user', roles: ['reader'], tenant: 'acme' },
    policy: { id: 'support', version: '7' },
    rules: [{ rule: 'readers-chat', effect: 'permit' }],
    ...own,
  }
}

/** How it ended. */
export function ended(number: number, own: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const { rules: _, ...call } = decided(number)
  return {
    ...call,
    kind: 'outcome',
    time: start + number * 10_000 + 800,
    ending: 'completed',
    ran: true,
    streamed: false,
    parts: 1,
    elapsed: 800,
    usage: { inputTokens: 100, outputTokens: 20 },
    ...own,
  }
}
