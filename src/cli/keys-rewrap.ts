import { type Command, command } from './command.ts'
import { randomBytes } from 'node:crypto'
import { open, opendir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SealContext } from '../encryption/seal-context.ts'
import { rewrapAll, type SealedItem } from '../encryption/rewrap-all.ts'
import { sealer } from '../encryption/sealer.ts'
import { fileKeys } from '../keys/file-keyring.ts'
import { plain, UsageError } from './io.ts'
import { passphraseOption, readLock } from './keyring-lock.ts'

export const keysRewrap: Command = command({
  name: 'keys rewrap',
  summary: 'wraps the keys of sealed files anew',
  operands: ['DIR'],
  missing: 'give the name of one folder',
  about:
    'Has the data keys of all sealed values in a folder (*.sealed) wrapped by the key that seals now. The values are not opened and stay as they are. What is done already is passed over: run it again where it was stopped.',
  options: {
    ring: { type: 'string', value: 'FILE', help: 'the keyring' },
    ...passphraseOption,
    context: {
      type: 'string',
      value: 'NAME=VALUE',
      multiple: true,
      help: 'who the values are for, as they were sealed: tenant=acme, subject=…, audience=…',
    },
    json: { type: 'boolean', help: 'how many there were as JSON' },
  },
  examples: ['sallyport keys rewrap var/notes --ring var/ring.json --passphrase-file var/passphrase --context tenant=acme'],
  exits: ['all of them are', 'some are not, and are named'],
  async run(values, [folder], io) {
    if (values.ring === undefined) throw new UsageError('give --ring')
    const context = readContext(values.context ?? [])
    const keys = await fileKeys(values.ring, await readLock(values['passphrase-file']))
    const box = sealer({ keys })
    const done = await rewrapAll({
      box,
      keys,
      items: sealedIn(folder, context),
      write: replace,
      onProgress: ({ seen, renewed }) => io.progress?.(`${seen} values, ${renewed} of them wrapped anew`),
    }).finally(() => box.close())
    io.progress?.('')
    if (values.json) io.out(plain(JSON.stringify(done)))
    else io.out(`${done.seen} values: ${done.renewed} wrapped anew, ${done.current} were already, ${done.failed.length} cannot be`)
    if (!values.json) for (const name of done.failed) io.error(plain(name))
    return done.failed.length === 0 ? 0 : 1
  },
})

const names: readonly string[] = ['tenant', 'subject', 'audience', 'route', 'direction', 'field', 'schema']

function readContext(given: readonly string[]): SealContext {
  const context: Record<string, string> = {}
  for (const each of given) {
    const end = each.indexOf('=')
    const name = each.slice(0, Math.max(0, end))
    if (!names.includes(name) || end === each.length - 1) throw new UsageError(`--context must be NAME=VALUE, and NAME one of ${names.join(', ')}`)
    context[name] = each.slice(end + 1)
  }
  if (given.length === 0) throw new UsageError('give --context at least once')
  return context
}

async function* sealedIn(folder: string, context: SealContext): AsyncGenerator<SealedItem> {
  for await (const entry of await opendir(folder)) {
    if (!entry.isFile() || !entry.name.endsWith('.sealed')) continue
    const name = join(folder, entry.name)
    yield { name, sealed: await readFile(name), context }
  }
}

async function replace(path: string, sealed: Uint8Array): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(sealed)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}
