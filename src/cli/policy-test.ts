import { parseArgs } from 'node:util'
import { explanationText } from './explanation-text.ts'
import { plain, UsageError } from './io.ts'
import { readJson } from './json-file.ts'
import { readPolicy, signedArguments, signedHelp } from './policy-file.ts'
import { policyTestsIn, runPolicyTest } from './policy-tests.ts'
import type { Command } from './run.ts'

const help = `sallyport policy test FILE [--tests FILE] [--signed-by FILE] [--json]

Runs the tests of a policy. They are data, in a file beside it (policy.tests.json beside policy.json): a list of

  { "name": "analysts chat", "request": { "subject": …, "action": …, "resource": …, "context": … },
    "expect": "allow", "rules": ["analysts-chat"], "obligations": ["max_output_tokens"] }

where rules are those that must decide, and obligations those that must come with the permit, by type or whole;
both may be left out.

  --tests FILE        where the tests are
${signedHelp}
  --json              the results as JSON

  sallyport policy test policy.json

Exit 0: all of them hold. 1: one does not. 2: the call is wrong.`

export const policyTest: Command = {
  name: 'policy test',
  summary: 'runs the tests of a policy, which are data beside it',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...signedArguments, tests: { type: 'string' }, json: { type: 'boolean' } },
    })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the file of one policy')
    const testsPath = values.tests ?? besides(path)
    const { set } = await readPolicy(path, values['signed-by'])
    const tests = policyTestsIn(await readJson(testsPath), testsPath)
    const results = tests.map((test) => runPolicyTest(set, test))
    const failed = results.filter(({ ok }) => !ok)
    if (values.json === true) {
      const told = results.map(({ name, ok, problems, explanation }) => (ok ? { name, ok } : { name, ok, problems, explanation }))
      io.out(plain(JSON.stringify({ ok: failed.length === 0, policy: set.describe(), tests: told })))
      return failed.length === 0 ? 0 : 1
    }
    for (const { name, problems, explanation } of failed) {
      io.out(plain(`failed  ${name}`))
      for (const problem of problems) io.out(plain(`          ${problem}`))
      for (const line of explanationText(explanation)) io.out(plain(line === '' ? '' : `          ${line}`))
    }
    io.out(failed.length === 0 ? `All ${results.length} tests hold.` : `${failed.length} of ${results.length} tests do not hold.`)
    return failed.length === 0 ? 0 : 1
  },
}

function besides(path: string): string {
  return path.endsWith('.json') ? `${path.slice(0, -'.json'.length)}.tests.json` : `${path}.tests.json`
}
