import { type Command, command } from './command.ts'
import { explanationText } from './explanation-text.ts'
import { plain, UsageError } from './io.ts'
import { readJson } from './json-file.ts'
import { readPolicy, signedArguments } from './policy-file.ts'
import { requestIn } from './policy-request-file.ts'

export const policyExplain: Command = command({
  name: 'policy explain',
  summary: 'says why a policy decides as it does',
  operands: ['FILE'],
  missing: 'give the file of one policy',
  about:
    'Asks a policy one question and says why it answers as it does: the rules that decide, the conditions that kept others from it, and the permits that came nearest.',
  options: {
    request: {
      type: 'string',
      value: 'FILE',
      help: 'the question: { subject: { type, id, properties }, action: { name }, resource: { type, id, properties }, context }, as in the AuthZEN Authorization API',
    },
    values: { type: 'boolean', help: 'show the values of attributes, not only their types' },
    ...signedArguments,
    json: { type: 'boolean', help: 'the whole explanation as JSON' },
  },
  examples: ['sallyport policy explain policy.json --request request.json'],
  exits: ['it is permitted', 'it is denied, or a file holds something else'],
  async run(values, [path], io) {
    if (values.request === undefined) throw new UsageError('give the file of a request with --request')
    const { set } = await readPolicy(path, values['signed-by'])
    const request = requestIn(await readJson(values.request), values.request)
    const explanation = set.explain(request, { values: values.values === true, nearest: 3, thorough: true })
    if (values.json === true) io.out(plain(JSON.stringify(explanation)))
    else for (const line of explanationText(explanation)) io.out(plain(line))
    return explanation.decision.allowed ? 0 : 1
  },
})
