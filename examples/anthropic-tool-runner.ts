// The tool runner of the real Anthropic client: every turn of its loop goes through the guard, what tools return included.
import assert from 'node:assert/strict'
import Anthropic from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { audit, authorize, detectors, guard, guardFetch, maskData, memoryLog, policySet, verifyIdentity } from 'sallyport'
import { identityOf } from 'sallyport/testing'
import { z } from 'zod'

// In the vendor's place: asks for a tool, and then says what it was told.
const sent: string[] = []
async function vendor(_url: unknown, { body }: RequestInit = {}): Promise<Response> {
  sent.push(String(body))
  const isTold = String(body).includes('tool_result')
  return Response.json({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content: isTold
      ? [{ type: 'text', text: 'Ask ada@example.org.' }]
      : [{ type: 'tool_use', id: 'toolu_1', name: 'look_up', input: { of: 'payroll' } }],
    stop_reason: isTold ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 9 },
  })
}

const base = guard({ name: 'tool-runner' })
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
  .use(
    authorize({
      evaluator: policySet({
        id: 'agents',
        version: '1',
        rules: [
          { id: 'run', effect: 'permit', action: ['invoke_agent'], resource: { type: 'agent', id: ['helper'] } },
          { id: 'chat', effect: 'permit', action: ['chat'], resource: { type: 'model', id: ['claude-*'] } },
        ],
      }),
    }),
  )
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

const guarded = guardFetch(base, { fetch: vendor })
const client = new Anthropic({ apiKey: 'vendor key', fetch: guarded })

const lookUp = betaZodTool({
  name: 'look_up',
  description: 'Who is responsible',
  inputSchema: z.object({ of: z.string() }),
  run: ({ of }) => `${of}: ada@example.org`,
})

// `thread: false`: a conversation that the vendor keeps is one that nobody here can read, and is refused.
const helper = base.protect(
  async (question: string, call) => {
    const turn = { model: 'claude-sonnet-5', max_tokens: 200, messages: [{ role: 'user' as const, content: question }], tools: [lookUp] }
    const final = await client.beta.messages.toolRunner({ ...turn, thread: false }, { headers: guarded.through(call) })
    return final.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  },
  { action: 'invoke_agent', resource: { type: 'agent', id: 'helper' } },
)

assert.equal(await helper('Who runs payroll?', { credentials: { authorization: 'Bearer ada' } }), 'Ask [EMAIL].')
assert.equal(sent.length, 2)
for (const body of sent) assert.ok(!body.includes('ada@example.org'))
// Without a call behind it nothing is sent: the client's own key is the vendor's, and nobody's identity.
await assert.rejects(client.messages.create({ model: 'gpt-5', max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] }), Anthropic.APIError)
assert.equal(sent.length, 2)
console.log('anthropic-tool-runner: two turns, one tool, nothing protected in either direction')
