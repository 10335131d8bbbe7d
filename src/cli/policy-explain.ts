import { parseArgs } from 'node:util'
import { explanationText } from './explanation-text.ts'
import { plain, UsageError } from './io.ts'
import { readJson } from './json-file.ts'
import { readPolicy, signedArguments, signedHelp } from './policy-file.ts'
import { requestIn } from './policy-request-file.ts'
import type { Command } from './run.ts'

const help = `sallyport policy explain FILE --request FILE [--values] [--signed-by FILE] [--json]

Asks a policy one question and says why it answers as it does: the rules that decide, the conditions that kept
others from it, and the permits that came nearest.

  --request FILE      the question: { subject: { type, id, properties }, action: { name }, resource: { type, id,
                      properties }, context }, as in the AuthZEN Authorization API
  --values            show the values of attributes, not only their types
${signedHelp}
  --json              the whole explanation as JSON

  sallyport policy explain policy.json --request request.json

Exit 0: it is permitted. 1: it is denied, or a file holds something else. 2: the call is wrong.`

export const policyExplain: Command = {
  name: 'policy explain',
  summary: 'says why a policy decides as it does',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...signedArguments, request: { type: 'string' }, values: { type: 'boolean' }, json: { type: 'boolean' } },
    })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the file of one policy')
    if (values.request === undefined) throw new UsageError('give the file of a request with --request')
    const { set } = await readPolicy(path, values['signed-by'])
    const request = requestIn(await readJson(values.request), values.request)
    const explanation = set.explain(request, { values: values.values === true, nearest: 3, thorough: true })
    if (values.json === true) io.out(plain(JSON.stringify(explanation)))
    else for (const line of explanationText(explanation)) io.out(plain(line))
    return explanation.decision.allowed ? 0 : 1
  },
}
