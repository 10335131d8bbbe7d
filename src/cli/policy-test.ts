import { type Command, command } from './command.ts'
import { explanationText } from './explanation-text.ts'
import { plain } from './io.ts'
import { readJson } from './json-file.ts'
import { readPolicy, signedArguments } from './policy-file.ts'
import { policyTestsIn, runPolicyTest } from './policy-tests.ts'

export const policyTest: Command = command({
  name: 'policy test',
  summary: 'runs the tests of a policy, which are data beside it',
  operands: ['FILE'],
  missing: 'give the file of one policy',
  about: `Runs the tests of a policy. They are data, in a file beside it (policy.tests.json beside policy.json): a list of

{ "name": "analysts chat", "request": { "subject": …, "action": …, "resource": …, "context": … }, "expect": "allow", "rules": ["analysts-chat"], "obligations": ["max_output_tokens"] }

where rules are those that must decide, and obligations those that must come with the permit, by type or whole; both may be left out.`,
  options: {
    tests: { type: 'string', value: 'FILE', help: 'where the tests are' },
    ...signedArguments,
    json: { type: 'boolean', help: 'the results as JSON' },
  },
  examples: ['sallyport policy test policy.json'],
  exits: ['all of them hold', 'one does not'],
  async run(values, [path], io) {
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
})

function besides(path: string): string {
  return path.endsWith('.json') ? `${path.slice(0, -'.json'.length)}.tests.json` : `${path}.tests.json`
}
