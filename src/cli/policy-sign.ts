import { type Command, command } from './command.ts'
import { signPolicy } from '../policy/sign-policy.ts'
import { plain, UsageError } from './io.ts'
import { readPolicy } from './policy-file.ts'
import { readSigningKey } from './policy-keys.ts'
import { writeNew } from './write-new.ts'

export const policySign: Command = command({
  name: 'policy sign',
  summary: 'signs a policy',
  operands: ['FILE'],
  missing: 'give the file of one policy',
  about: 'Signs a policy that loads: a JWS of type policy+jws, which livePolicy, policySet and openPolicy take where they have the public key.',
  options: {
    key: {
      type: 'string',
      value: 'FILE',
      help: 'the private key: a JWK with alg and kid, or Ed25519 in PEM as keys new makes it. Readable by you only',
    },
    kid: { type: 'string', value: 'NAME', help: 'the name of the key in the signature; that of the JWK unless given' },
    write: { type: 'string', value: 'FILE', help: 'write it there, and not to the output. Never over a file' },
    json: { type: 'boolean', help: '{ "policy": { "id", "version" }, "kid", "signed" }' },
  },
  examples: ['sallyport policy sign policy.json --key policy.key --kid release > policy.jws'],
  exits: ['it is signed', 'it does not load, or cannot be signed with this key'],
  async run(values, [path], io) {
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
})
