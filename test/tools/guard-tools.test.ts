import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateText, isStepCount, jsonSchema, tool, type ToolSet } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { generateText as generateText5, stepCountIs as stepCountIs5, type ToolSet as ToolSet5 } from 'ai-5'
import { MockLanguageModelV2 } from 'ai-5/test'
import { generateText as generateText6, stepCountIs as stepCountIs6, type ToolSet as ToolSet6 } from 'ai-6'
import { MockLanguageModelV3 } from 'ai-6/test'
import { Ajv } from 'ajv'
import { zodFunction } from 'openai/helpers/zod'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { tool as agentTool } from '@openai/agents'
import { z } from 'zod'
import { approvals, type Call, guardTools, isGuardError, signApproval } from '../../src/index.ts'
import { signingKey } from '../conformance/signing-key.ts'
import { issuer, rules, toolGuard } from './tool-guard.ts'

const place = z.object({ city: z.string() })

function refusedWith(code: string) {
  return (error: unknown) => isGuardError(error) && error.code === code
}

describe('guardTools', () => {
  test('a plain tool runs for whoever may, with its call beside the arguments, and its result goes out through the controls', async () => {
    const { base, as, endings } = toolGuard()
    const seen: unknown[] = []
    const weather = {
      name: 'weather',
      schema: place,
      execute: (args: { city: string }, extra?: { call: Call }) => {
        seen.push(args, extra?.call.resource.id)
        return { sky: 'grey', owner: 'ada@example.org', at: new Date(0), nothing: undefined }
      },
    }
    const result = await as('ada', ['analyst'], async (call) => {
      const [guarded] = guardTools(base, [weather] as const, { onBehalfOf: call })
      return guarded?.execute({ city: 'Oslo' })
    })
    assert.deepEqual(seen, [{ city: 'Oslo' }, 'weather'])
    assert.deepEqual(result, { sky: 'grey', owner: '[EMAIL]', at: '1970-01-01T00:00:00.000Z' })
    assert.deepEqual(endings(), ['execute_tool weather completed'])
  })

  test('refuses whoever may not, another tool, and a caller that nobody named', async () => {
    const { base, as, endings } = toolGuard()
    let ran = 0
    const tools = {
      weather: { inputSchema: place, execute: (_args: { city: string }) => ran++ },
      erase: { inputSchema: place, execute: (_args: { city: string }) => ran++ },
    }
    await as('bob', ['visitor'], async (call) => {
      const { weather, erase } = guardTools(base, tools, { onBehalfOf: call })
      await assert.rejects(async () => weather.execute({ city: 'x' }), refusedWith('denied'))
      await assert.rejects(async () => erase.execute({ city: 'x' }), refusedWith('denied'))
    })
    await assert.rejects(async () => guardTools(base, tools).weather.execute({ city: 'x' }), refusedWith('identity_missing'))
    assert.equal(ran, 0)
    assert.deepEqual(endings().slice(0, 1), ['execute_tool weather denied'])
  })

  test('A12: what the arguments say of a caller is an argument, and nothing more', async () => {
    const { base, as } = toolGuard()
    const loose = { weather: { inputSchema: z.looseObject({}), execute: (args: object) => args } }
    await as('bob', ['visitor'], async (call) => {
      const { weather } = guardTools(base, loose, { onBehalfOf: call })
      for (const args of [
        { onBehalfOf: call, roles: ['analyst'] },
        { identity: { roles: ['analyst'] } },
        { credentials: await issuer.bearer({ sub: 'ada', roles: ['analyst'] }) },
      ])
        await assert.rejects(async () => weather.execute(args), isGuardError)
    })
  })

  test('per call, authority comes from what the framework hands over', async () => {
    const { base } = toolGuard()
    const { weather } = guardTools(
      base,
      { weather: { inputSchema: place, execute: (_args: { city: string }, _extra: unknown) => 'ok' } },
      { request: (extra) => ({ credentials: (extra as { credentials: { authorization: string } }).credentials }) },
    )
    assert.equal(await weather.execute({ city: 'x' }, { credentials: await issuer.bearer({ sub: 'ada', roles: ['analyst'] }) }), 'ok')
    await assert.rejects(async () => weather.execute({ city: 'x' }, {}), refusedWith('identity_missing'))
    await assert.rejects(async () => weather.execute({ city: 'x' }, undefined), refusedWith('identity_missing'))
  })

  test('a call that has ended is nobody’s authority any more', async () => {
    const { base, as } = toolGuard()
    const late = await as('ada', ['analyst'], (call) =>
      guardTools(base, { weather: { inputSchema: place, execute: (_args: { city: string }) => 'ok' } }, { onBehalfOf: call }),
    )
    await assert.rejects(async () => late.weather.execute({ city: 'x' }), isGuardError)
  })

  test('arguments are checked before policy sees them, and the check is recorded', async () => {
    const asked: unknown[] = []
    const { base, as, endings } = toolGuard(rules, {
      evaluator: {
        evaluate(request) {
          if (request.action.name === 'execute_tool') asked.push(request)
          return { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }
        },
      },
    })
    await as('ada', ['analyst'], async (call) => {
      const { weather } = guardTools(base, { weather: { inputSchema: place, execute: (_args: object) => 'ok' } }, { onBehalfOf: call })
      for (const args of [{}, { city: 1 }, 'x', null, undefined, [], { city: 'x'.repeat(9 * 1024 * 1024) }, { city: 10n }, { city: Symbol.iterator }])
        await assert.rejects(async () => weather.execute(args as object), isGuardError)
    })
    assert.deepEqual(asked, [])
    assert.equal(endings().length, 9)
    assert.ok(
      endings().every((ending) => /payload_(invalid|too_large)$/.test(ending)),
      endings().join(),
    )
  })

  test('A13: what was checked is what runs, whatever getters, proxies and the caller make of the arguments meanwhile', async () => {
    const { base, as } = toolGuard()
    const ran: unknown[] = []
    await as('ada', ['analyst'], async (call) => {
      const { pay } = guardTools(
        base,
        { pay: { inputSchema: z.object({ to: z.string(), list: z.array(z.string()) }), execute: (args: object) => void ran.push(args) } },
        { onBehalfOf: call },
      )
      let reads = 0
      const shifting = {
        get to() {
          return reads++ === 0 ? 'bob' : 'mallory'
        },
        list: ['a'],
      }
      const proxied = new Proxy(
        { to: 'bob', list: ['a'] },
        { get: (target, name, receiver) => (name === 'to' && reads++ > 1 ? 'mallory' : Reflect.get(target, name, receiver)) },
      )
      const mutable = { to: 'bob', list: ['a'] }
      const running = [pay.execute(shifting), pay.execute(proxied), pay.execute(mutable)]
      mutable.to = 'mallory'
      mutable.list.push('mallory')
      await Promise.all(running)
    })
    assert.deepEqual(
      ran,
      Array.from({ length: 3 }, () => ({ to: 'bob', list: ['a'] })),
    )
    assert.ok(ran.every((args) => Object.isFrozen(args)))
  })

  test('what a schema gives is what is authorized and what runs', async () => {
    const { base, as } = toolGuard()
    const ran: unknown[] = []
    await as('ada', ['analyst'], async (call) => {
      const { pay } = guardTools(
        base,
        {
          pay: {
            inputSchema: z.object({ amount: z.coerce.number(), currency: z.string().default('NOK') }),
            execute: (args: object) => void ran.push(args),
          },
        },
        { onBehalfOf: call },
      )
      assert.equal(await pay.execute({ amount: '5', more: true } as object), null)
    })
    assert.deepEqual(ran, [{ amount: 5, currency: 'NOK' }])
  })

  test('an approval is for exactly these arguments, once', async () => {
    const key = await signingKey('grace-1')
    const grace = { issuer: 'https://id.example', subject: 'grace' }
    const requests: Parameters<typeof signApproval>[0][] = []
    const approving = approvals({ approvers: [{ ...grace, keys: key.jwks }], onRequest: (request) => void requests.push(request) })
    const own = [rules[0] as object, { id: 'pay', effect: 'permit', action: ['execute_tool'], obligations: [{ type: 'require_approval' }] }]
    const { base, as } = toolGuard(own, { approvals: approving })
    const ran: unknown[] = []
    let texts: readonly string[] = []
    await as('ada', ['analyst'], async (call) => {
      const { pay } = guardTools(
        base,
        { pay: { inputSchema: z.object({ amount: z.number() }), execute: (args: { amount: number }) => void ran.push(args) } },
        { request: () => ({ onBehalfOf: call, approvals: texts }) },
      )
      await assert.rejects(async () => pay.execute({ amount: 1 }), refusedWith('approval_required'))
      texts = [await signApproval(requests[0] ?? assert.fail(), { ...grace, key: { ...key.jwk, alg: 'ES256' } })]
      await assert.rejects(async () => pay.execute({ amount: 2 }), refusedWith('approval_required'))
      await pay.execute({ amount: 1 })
      await assert.rejects(async () => pay.execute({ amount: 1 }), refusedWith('approval_required'))
    })
    assert.deepEqual(ran, [{ amount: 1 }])
  })

  test('of a tool that says several things on the way only the last one comes out', async () => {
    const { base, as } = toolGuard()
    const result = await as('ada', ['analyst'], (call) =>
      guardTools(
        base,
        {
          weather: {
            inputSchema: place,
            async *execute(_args: { city: string }) {
              yield 'ada@exam'
              yield 'ada@example.org'
            },
          },
        },
        { onBehalfOf: call },
      ).weather.execute({ city: 'x' }),
    )
    assert.equal(result, '[EMAIL]')
  })

  test('A19: a tool that is left is told, and its signal is aborted', async () => {
    const { base, as } = toolGuard()
    const left: string[] = []
    await as('ada', ['analyst'], async (call) => {
      const leaving = new AbortController()
      const { weather } = guardTools(
        base,
        {
          weather: {
            inputSchema: place,
            execute: (_args: { city: string }, extra: { abortSignal: AbortSignal }) =>
              new Promise(() => {
                extra.abortSignal.addEventListener('abort', () => left.push('signal'))
                leaving.abort()
              }),
          },
        },
        { onBehalfOf: call },
      )
      await assert.rejects(async () => weather.execute({ city: 'x' }, { abortSignal: leaving.signal }), refusedWith('aborted'))
    })
    assert.deepEqual(left, ['signal'])
  })

  test('what the tool throws is its own', async () => {
    const { base, as } = toolGuard()
    const mine = new Error('mine')
    await as('ada', ['analyst'], async (call) => {
      const { weather } = guardTools(
        base,
        { weather: { inputSchema: place, execute: (_args: { city: string }) => Promise.reject(mine) } },
        { onBehalfOf: call },
      )
      await assert.rejects(
        async () => weather.execute({ city: 'x' }),
        (error) => error === mine,
      )
    })
  })

  test('refuses results that no control can read', async () => {
    const { base, as } = toolGuard()
    await as('ada', ['analyst'], async (call) => {
      for (const result of [new Uint8Array(3), new Map(), () => 1, { deep: new (class Hidden {})() }, new ReadableStream()]) {
        const { weather } = guardTools(
          base,
          { weather: { inputSchema: place, execute: (_args: { city: string }) => result as unknown } },
          { onBehalfOf: call },
        )
        await assert.rejects(async () => weather.execute({ city: 'x' }), isGuardError)
      }
    })
  })

  test('a wrong set-up is a TypeError when the tools are wrapped', () => {
    const { base } = toolGuard()
    const execute = () => 'ok'
    const wrongs: readonly [string, () => unknown][] = [
      ['no schema', () => guardTools(base, { a: { execute } })],
      ['no function', () => guardTools(base, { a: { inputSchema: place } })],
      ['runs at the vendor', () => guardTools(base, [{ type: 'web_search' }])],
      ['no name', () => guardTools(base, [{ inputSchema: place, execute }])],
      ['a name of other letters', () => guardTools(base, { 'a b': { inputSchema: place, execute } })],
      [
        'two of one name',
        () =>
          guardTools(base, [
            { name: 'a', schema: place, execute },
            { name: 'a', schema: place, execute },
          ]),
      ],
      ['a schema that cannot be checked', () => guardTools(base, { a: { parameters: { type: 'string', pattern: '^(a+)+$' }, execute } })],
      ['an unknown option', () => guardTools(base, {}, { onBehalf: {} } as object)],
      ['two authorities', () => guardTools(base, {}, { onBehalfOf: {} as Call, request: () => ({}) })],
      ['no tools', () => guardTools(base, 'tools' as never)],
    ]
    for (const [what, make] of wrongs) assert.throws(make, TypeError, what)
  })
})

interface AiRun {
  readonly text: string
  readonly prompts: readonly string[]
}

/** Answers with two calls of tools, and then with a word. */
function answering(usage: object, finish: (reason: string) => unknown) {
  const prompts: string[] = []
  const doGenerate = async ({ prompt }: { prompt: unknown }) => {
    prompts.push(JSON.stringify(prompt))
    if (prompts.length > 1) return { content: [{ type: 'text', text: 'done' }], finishReason: finish('stop'), usage, warnings: [] }
    const calls = ['weather', 'erase'].map((toolName, index) => ({ type: 'tool-call', toolCallId: `c${index}`, toolName, input: '{"city":"Oslo"}' }))
    return { content: calls, finishReason: finish('tool-calls'), usage, warnings: [] }
  }
  return { prompts, doGenerate: doGenerate as never }
}

const told = { inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 }, outputTokens: { total: 1, text: 1, reasoning: 0 } }

const aiSdks: readonly { readonly version: number; run(tools: object): Promise<AiRun> }[] = [
  {
    version: 5,
    async run(tools) {
      const { prompts, doGenerate } = answering({ inputTokens: 1, outputTokens: 1, totalTokens: 2 }, (reason) => reason)
      const model = new MockLanguageModelV2({ doGenerate })
      const { text } = await generateText5({ model, prompt: 'go', tools: tools as ToolSet5, stopWhen: stepCountIs5(3) })
      return { text, prompts }
    },
  },
  {
    version: 6,
    async run(tools) {
      const { prompts, doGenerate } = answering(told, (unified) => ({ unified, raw: unified }))
      const model = new MockLanguageModelV3({ doGenerate })
      const { text } = await generateText6({ model, prompt: 'go', tools: tools as ToolSet6, stopWhen: stepCountIs6(3) })
      return { text, prompts }
    },
  },
  {
    version: 7,
    async run(tools) {
      const { prompts, doGenerate } = answering(told, (unified) => ({ unified, raw: unified }))
      const model = new MockLanguageModelV4({ doGenerate })
      const { text } = await generateText({ model, prompt: 'go', tools: tools as ToolSet, stopWhen: isStepCount(3) })
      return { text, prompts }
    },
  },
]

test('no cast is needed between the AI SDK and a guard', () => {
  const { base } = toolGuard()
  const tools = guardTools(base, { weather: tool({ inputSchema: place, execute: async ({ city }) => city.length }) })
  const typed = () => generateText({ model: new MockLanguageModelV4(), prompt: 'go', tools })
  type Output = Extract<Awaited<ReturnType<typeof typed>>['toolResults'][number], { dynamic?: false | undefined }>['output']
  const output: Output = 1
  assert.equal(output, 1)
})

describe('tools of others', () => {
  for (const { version, run } of aiSdks)
    test(`AI SDK ${version}: the model is told of a refusal, and sees masked results`, async () => {
      const { base, as } = toolGuard()
      let erased = 0
      const city = jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] })
      const tools = {
        weather: tool({ description: 'weather', inputSchema: place, execute: async ({ city: name }) => `${name}: ask ada@example.org` }),
        erase: tool({ inputSchema: city, execute: () => erased++ }),
      }
      const { text, prompts } = await as('ada', ['analyst'], (call) => run(guardTools(base, tools, { onBehalfOf: call })))
      assert.equal(text, 'done')
      assert.equal(erased, 0)
      assert.match(prompts[1] ?? '', /Oslo: ask \[EMAIL\]/)
      assert.doesNotMatch(prompts[1] ?? '', /ada@example/)
      assert.match(prompts[1] ?? '', /error/)
    })

  test('OpenAI: functions with and without a reader, and those of zodFunction', async () => {
    const { base, as } = toolGuard()
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
    const ran: unknown[] = []
    await as('ada', ['analyst'], async (call) => {
      const [text, read, zod] = guardTools(
        base,
        [
          { type: 'function' as const, function: { name: 'weather', description: 'w', parameters, function: (args: string) => void ran.push(args) } },
          {
            type: 'function' as const,
            function: { name: 'search', description: 's', parameters, parse: JSON.parse, function: (args: { city: string }) => void ran.push(args) },
          },
          zodFunction({ name: 'pay', parameters: place, function: (args) => void ran.push(args) }),
        ] as const,
        { onBehalfOf: call },
      )
      await text.function.function('{"city":"a"}')
      await assert.rejects(async () => text.function.function('{"city":"a","city":"b"}'), refusedWith('payload_invalid'))
      await assert.rejects(async () => text.function.function('{"city":"a","__proto__":{}}'), refusedWith('payload_invalid'))
      await assert.rejects(async () => text.function.function('{"town":"a"}'), refusedWith('payload_invalid'))
      await read.function.function({ city: 'b' })
      await assert.rejects(async () => read.function.function({ city: 'b', more: 1 } as never), refusedWith('payload_invalid'))
      assert.equal(zod.$brand, 'auto-parseable-tool')
      await zod.$callback?.({ city: 'c' } as never)
      await assert.rejects(async () => zod.$callback?.({ city: 3 } as never), refusedWith('payload_invalid'))
    })
    assert.deepEqual(ran, ['{"city":"a"}', { city: 'b' }, { city: 'c' }])
  })

  test('Anthropic’s tool runner and OpenAI’s Agents', async () => {
    const { base, as } = toolGuard()
    const ran: unknown[] = []
    await as('ada', ['analyst'], async (call) => {
      const [runner, agent] = guardTools(
        base,
        [
          betaZodTool({ name: 'weather', description: 'w', inputSchema: place, run: ({ city }) => `${city} ada@example.org` }),
          agentTool({ name: 'search', description: 's', parameters: place, strict: true, execute: async (args) => void ran.push(args) }),
        ] as const,
        { onBehalfOf: call },
      )
      assert.equal(await runner.run({ city: 'Oslo' }), 'Oslo [EMAIL]')
      await assert.rejects(async () => runner.run({ city: 1 } as never), refusedWith('payload_invalid'))
      await agent.invoke({} as never, '{"city":"b"}')
      await assert.rejects(async () => agent.invoke({} as never, '{"city":2}'), refusedWith('payload_invalid'))
    })
    assert.deepEqual(ran, [{ city: 'b' }])
  })

  test('a validator of one’s own takes the place of the built-in one', async () => {
    const { base, as } = toolGuard()
    const ajv = new Ajv()
    await as('ada', ['analyst'], async (call) => {
      const tools = {
        weather: { parameters: { type: 'object', properties: { city: { type: 'string', pattern: '^[a-z]+$' } } }, execute: (args: object) => args },
      }
      const { weather } = guardTools(base, tools, { onBehalfOf: call, validate: (schema) => ajv.compile(schema) })
      assert.deepEqual(await weather.execute({ city: 'oslo' }), { city: 'oslo' })
      await assert.rejects(async () => weather.execute({ city: 'Oslo' }), refusedWith('payload_invalid'))
    })
  })
})
