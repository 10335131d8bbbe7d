import { parseArgs } from 'node:util'
import { signPolicy } from '../policy/sign-policy.ts'
import { plain, UsageError } from './io.ts'
import { readPolicy } from './policy-file.ts'
import { readSigningKey } from './policy-keys.ts'
import type { Command } from './run.ts'
import { writeNew } from './write-new.ts'

const help = `sallyport policy sign FILE --key FILE [--kid NAME] [--write FILE] [--json]

Signs a policy that loads: a JWS of type policy+jws, which livePolicy, policySet and openPolicy take where they
have the public key.

  --key FILE          the private key: a JWK with alg and kid, or Ed25519 in PEM as keys new makes it. Readable by
                      you only
  --kid NAME          the name of the key in the signature; that of the JWK unless given
  --write FILE        write it there, and not to the output. Never over a file
  --json              { "policy": { "id", "version" }, "kid", "signed" }

  sallyport policy sign policy.json --key policy.key --kid release > policy.jws

Exit 0: it is signed. 1: it does not load, or cannot be signed with this key. 2: the call is wrong.`

export const policySign: Command = {
  name: 'policy sign',
  summary: 'signs a policy',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { key: { type: 'string' }, kid: { type: 'string' }, write: { type: 'string' }, json: { type: 'boolean' } },
    })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the file of one policy')
    const keyFile = values.key
    if (keyFile === undefined) throw new UsageError('give the file of a private key with --key')
    const key = await readSigningKey(keyFile, values.kid)
    const { source, set } = await readPolicy(path)
    const { id, version } = set.describe()
    const signed = await signPolicy(source, { key }).catch(() => {
      // The reason may hold parts of the key.
      throw new Error(`the policy cannot be signed with the key in '${keyFile}'`)
    })
    if (values.write !== undefined && !(await writeNew(values.write, `${signed}\n`))) {
      io.error(`There is a file ${plain(values.write)} already, and it stays as it is.`)
      return 1
    }
    if (values.json === true) io.out(plain(JSON.stringify({ policy: { id, version }, kid: key.kid, signed })))
    else if (values.write === undefined) io.out(signed)
    else io.out(plain(`Signed ${id}, version ${version}, as ${key.kid}: ${values.write}`))
    return 0
  },
}
