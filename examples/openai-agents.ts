// OpenAI's Agents SDK: give it a client whose every request goes through the guard.
import assert from 'node:assert/strict'
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents'
// Plain 'openai', version 7, where there is only one; here are two copies, hence the `as never` below.
import OpenAI from 'openai-7'
import { audit, authorize, detectors, guard, guardFetch, maskData, memoryLog, policySet, verifyIdentity } from 'sallyport'
import { identityOf } from 'sallyport/testing'
import { z } from 'zod'

// In the vendor's place: asks for a tool, and then says what it was told.
const sent: string[] = []
async function vendor(_url: unknown, { body }: RequestInit = {}): Promise<Response> {
  sent.push(String(body))
  const call = { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{"of":"payroll"}' } }
  const isTold = String(body).includes('"role":"tool"')
  const message = isTold ? { role: 'assistant', content: 'Ask ada@example.org.' } : { role: 'assistant', content: null, tool_calls: [call] }
  return Response.json({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5',
    choices: [{ index: 0, message, finish_reason: isTold ? 'stop' : 'tool_calls', logprobs: null }],
    usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
  })
}

const base = guard({ name: 'agents' })
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
  .use(
    authorize({
      evaluator: policySet({
        id: 'agents',
        version: '1',
        rules: [
          { id: 'run', effect: 'permit', action: ['invoke_agent'], resource: { type: 'agent', id: ['helper'] } },
          { id: 'chat', effect: 'permit', action: ['chat'], resource: { type: 'model', id: ['gpt-*'] } },
        ],
      }),
    }),
  )
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

// Tracing sends what is said to another place of the vendor.
setTracingDisabled(true)
const guarded = guardFetch(base, { fetch: vendor })

const lookUp = tool({
  name: 'look_up',
  description: 'Who is responsible',
  parameters: z.object({ of: z.string() }),
  execute: async ({ of }) => `${of}: ada@example.org`,
})

const helper = base.protect(
  async (question: string, call) => {
    // One client a task: its header fields carry the task's authority, and are taken off before the wire.
    const client = new OpenAI({ apiKey: 'vendor key', fetch: guarded, defaultHeaders: guarded.through(call) })
    const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client as never, useResponses: false }) })
    const agent = new Agent({ name: 'helper', instructions: 'Be brief.', model: 'gpt-5', tools: [lookUp] })
    return (await runner.run(agent, question)).finalOutput ?? ''
  },
  { action: 'invoke_agent', resource: { type: 'agent', id: 'helper' } },
)

assert.equal(await helper('Who runs payroll?', { credentials: { authorization: 'Bearer ada' } }), 'Ask [EMAIL].')
assert.equal(sent.length, 2)
for (const body of sent) assert.ok(!body.includes('ada@example.org'))
console.log('openai-agents: two turns, one tool, nothing protected in either direction')
