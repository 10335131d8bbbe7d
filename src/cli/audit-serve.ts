import { type Command, command } from './command.ts'
import { plain, UsageError } from './io.ts'
import { LogView } from './log-view.ts'
import { findVerifierKey } from './verifier-key.ts'
import { type ViewServer, viewServer } from './view-server.ts'

export const auditServe: Command = command({
  name: 'audit serve',
  summary: 'shows a log in a browser on this machine',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about: `Shows a log in a browser on this machine: calls over time, refusals by reason and rule, spending, latency, streams that were cut, identities and what they touched, one call's timeline with its proof. It goes on as the log grows.

Only entries that the key signed are shown. Read-only, at a loopback address, for the first browser that opens the address it prints. Ctrl-C ends it.`,
  options: {
    key: {
      type: 'string',
      value: 'FILE|KEY',
      help: "the log's verifier key, a file with it, or the key file in PEM. Without it the key in the log's own folder is used, and the page says so",
    },
    anchor: { type: 'string', value: 'FILE', help: 'the anchor that the log publishes to' },
    port: { type: 'string', value: 'N', help: '1 to 65535; any that is free unless given' },
    json: { type: 'boolean', help: 'the address as JSON: url, entries, and problem where the log does not hold' },
  },
  examples: ['sallyport audit serve var/audit --key support-bot.vkey'],
  exits: ['it was ended', 'the log does not hold, or the port is taken'],
  async run(values, [directory], io) {
    const { port = '0' } = values
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new UsageError('--port must be a number from 1 to 65535')
    let server: ViewServer | undefined
    const key = await findVerifierKey(directory, values.key)
    const view = new LogView({ directory, key, anchor: values.anchor, every: 1, onChange: () => server?.changed() })
    io.progress?.('Reading the log')
    await view.open()
    server = await viewServer(view, Number(port))
    io.progress?.('')
    const { problem, proven } = view.standing
    if (values.json) io.out(plain(JSON.stringify({ url: server.url, entries: proven, ...(problem !== undefined && { problem }) })))
    else {
      io.out(plain(problem === undefined ? `${proven} entries hold.` : `The log does not hold: ${problem}`))
      io.out(`Open ${server.url}`)
    }
    await interrupted()
    await server.close()
    await view.close()
    return problem === undefined ? 0 : 1
  },
})

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
