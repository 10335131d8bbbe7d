import { parseArgs } from 'node:util'
import { plain, UsageError } from './io.ts'
import { LogView } from './log-view.ts'
import type { Command } from './run.ts'
import { findVerifierKey } from './verifier-key.ts'
import { type ViewServer, viewServer } from './view-server.ts'

const help = `sallyport audit serve DIR --key FILE|KEY [--anchor FILE] [--port N]

Shows a log in a browser on this machine: calls over time, refusals by reason and rule, spending, latency, streams
that were cut, identities and what they touched, one call's timeline with its proof. It goes on as the log grows.
Only entries that the key signed are shown. Read-only, at a loopback address, for the first browser that opens the
address it prints. Ctrl-C ends it.

  --key FILE|KEY      the log's verifier key, a file with it, or the key file in PEM. Without it the key in the
                      log's own folder is used, and the page says so.
  --anchor FILE       the anchor that the log publishes to
  --port N            1 to 65535; any that is free unless given

  sallyport audit serve var/audit --key support-bot.vkey

Exit 0: it was ended. 1: the log does not hold, or the port is taken. 2: the call is wrong.`

export const auditServe: Command = {
  name: 'audit serve',
  summary: 'shows a log in a browser on this machine',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { key: { type: 'string' }, anchor: { type: 'string' }, port: { type: 'string', default: '0' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) throw new UsageError('--port must be a number from 1 to 65535')
    let server: ViewServer | undefined
    const key = await findVerifierKey(directory, values.key)
    const view = new LogView({ directory, key, anchor: values.anchor, every: 1, onChange: () => server?.changed() })
    io.progress?.('Reading the log')
    await view.open()
    server = await viewServer(view, Number(values.port))
    io.progress?.('')
    const { problem, proven } = view.standing
    io.out(plain(problem === undefined ? `${proven} entries hold.` : `The log does not hold: ${problem}`))
    io.out(`Open ${server.url}`)
    await interrupted()
    await server.close()
    await view.close()
    return problem === undefined ? 0 : 1
  },
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
