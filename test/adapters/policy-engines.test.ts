import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { loadPolicy } from '@open-policy-agent/opa-wasm'
import { authzenEvaluator, authzenHandler } from '../../src/adapters/authzen/index.ts'
import { cedarEvaluator } from '../../src/adapters/cedar/index.ts'
import { toNode } from '../../src/adapters/node/index.ts'
import { opaRest, opaWasm } from '../../src/adapters/opa/index.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Attributes } from '../../src/guard/context.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { allOf, firstOf } from '../../src/policy/combine.ts'
import type { PolicyEvaluator } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { identityOf } from '../../src/testing/index.ts'
import { answerJson, servePoint, stayAlive } from './decision-point.ts'
import { listen } from './loopback.ts'
import { wasmPolicy } from './opa/wasm-policy.ts'

/** The same policy for each engine: analysts chat with gpt-5 at low risk, but nobody at a risk above 0.9. */
const rules = [
  {
    id: 'chat',
    effect: 'permit',
    subject: { roles: 'analyst' },
    action: 'chat',
    resource: { type: 'model', id: 'gpt-5' },
    when: { 'context.risk': { lt: 50 } },
  },
  { id: 'risky', effect: 'forbid', when: { 'context.risk': { gt: 90 } } },
]
const own = policySet({ id: 'own', rules })

/** What a Rego policy says of the same, given that there is no compiler for it here. */
function rego(input: unknown): unknown {
  const { subject, action, resource, context } = input as {
    subject: { properties: { roles: string[] } }
    action: { name: string }
    resource: { type: string; id: string }
    context: { risk?: unknown }
  }
  const { risk } = context
  if (typeof risk !== 'number') return undefined
  return subject.properties.roles.includes('analyst') && action.name === 'chat' && resource.type === 'model' && resource.id === 'gpt-5' && risk < 50
}

const engines: Readonly<Record<string, (t: TestContext) => Promise<PolicyEvaluator>>> = {
  policySet: async () => own,
  cedar: async () =>
    cedarEvaluator({
      cedar,
      policies: {
        chat: 'permit(principal in Role::"analyst", action == Action::"chat", resource == model::"gpt-5") when { context.risk < 50 };',
        risky: 'forbid(principal, action, resource) when { context.risk > 90 };',
      },
    }),
  'opa as a server': async (t) => {
    const { origin } = await servePoint(t, (response, sent) => {
      const result = rego((JSON.parse(sent.body) as { input: unknown }).input)
      answerJson(result === undefined ? {} : { result })(response, sent)
    })
    return opaRest({ url: origin, path: 'support/allow' })
  },
  // Without numbers: texts are looked for, not compared.
  'opa in WebAssembly': async () => {
    const permitted = '"action":{"name":"chat","properties":{}},"resource":{"type":"model","id":"gpt-5","properties":{}},"context":{"risk":10,'
    return opaWasm({ load: () => loadPolicy(wasmPolicy([{ entrypoint: 'allow', has: permitted, gives: '[{"result":true}]' }])), entrypoint: 'allow' })
  },
  authzen: async (t) => {
    let handler = (_request: Request): Promise<Response> => assert.fail('too early')
    const pdp = await listen(
      t,
      toNode((request: Request) => handler(request)),
    )
    handler = authzenHandler(own, { pdp, authenticate: ({ headers }) => headers.get('authorization') === 'Bearer pep-token' })
    return authzenEvaluator({ pdp, token: 'pep-token' })
  },
  'two, one after the other': async () => firstOf(policySet({ id: 'none', rules: [] }), own),
  'two at once': async (t) => allOf(own, (await engines.authzen?.(t)) ?? assert.fail()),
}

interface Asked {
  readonly action?: string
  readonly type?: string
  readonly id?: string
  readonly attributes?: Attributes
}

/** What becomes of a call under a guard with this engine: `ran`, or the code of its refusal. */
async function become(
  evaluator: PolicyEvaluator,
  { action = 'chat', type = 'model', id = 'gpt-5', attributes = { risk: 10 } }: Asked = {},
): Promise<string> {
  let count = 0
  const call = guard()
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', roles: ['analyst'] })] }))
    .use(authorize({ evaluator }))
    .protect(
      () => {
        count++
        return 'ran'
      },
      { action, resource: { type, id } },
    )
  try {
    return await call('hello', { attributes, credentials: { authorization: 'Bearer x' } })
  } catch (error) {
    assert.ok(isGuardError(error), String(error))
    assert.equal(count, 0)
    return error.code
  }
}

const refusals: readonly [what: string, asked: Asked][] = [
  ['A8 an unknown action', { action: 'train' }],
  ['A8 an unknown type', { type: 'document' }],
  ['A8 an unknown resource', { id: 'gpt-4' }],
  ['A8 another letter case', { id: 'GPT-5' }],
  ['A8 another letter case of the action', { action: 'Chat' }],
  ['A8 a trailing slash', { id: 'gpt-5/' }],
  ['A8 an encoded slash', { id: 'models%2fgpt-5' }],
  ['A10 a forbid', { attributes: { risk: 95 } }],
  ['A11 null', { attributes: { risk: null } }],
  ['A11 a list', { attributes: { risk: [] } }],
  ['A11 an empty text', { attributes: { risk: '' } }],
  ['A11 true', { attributes: { risk: true } }],
  ['A11 a number in a text', { attributes: { risk: '0x10' } }],
  ['A11 nothing', { attributes: {} }],
]

for (const [engine, make] of Object.entries(engines))
  describe(`${engine}, under a guard`, () => {
    test('permits what the policy permits', async (t) => assert.equal(await become(await make(t)), 'ran'))

    for (const [what, asked] of refusals) test(`${what} is denied`, async (t) => assert.equal(await become(await make(t), asked), 'denied'))
  })

describe('A10: an engine that is away, under a guard', () => {
  const away = 'http://127.0.0.1:9'
  const engines: readonly [what: string, evaluator: PolicyEvaluator][] = [
    ['OPA', opaRest({ url: away, path: 'support/allow' })],
    ['a decision point', authzenEvaluator({ pdp: away })],
    ['a module', opaWasm({ load: () => Promise.reject(new Error('no such file')), entrypoint: 'allow' })],
    ['the first of two', firstOf(authzenEvaluator({ pdp: away }), own)],
    ['the second of two', allOf(own, authzenEvaluator({ pdp: away }))],
  ]
  for (const [what, evaluator] of engines) test(`${what} refuses`, async () => assert.equal(await become(evaluator), 'policy_unavailable'))

  test('one that hangs refuses', async (t) => {
    stayAlive(t)
    const { origin } = await servePoint(t, () => {})
    for (const evaluator of [opaRest({ url: origin, path: 'support/allow', timeout: 0.05 }), authzenEvaluator({ pdp: origin, timeout: 0.05 })])
      assert.equal(await become(evaluator), 'policy_unavailable')
  })
})

describe('the duties of an engine, under a guard', () => {
  test('are carried out, or the call is refused', async (t) => {
    const duties = [
      { type: 'step-up', id: '1', acr_value: 'phr' },
      { type: 'notification', id: '2', to: 'x', body: 'y' },
    ]
    for (const [obligations, code] of [
      [[duties[0]], 'step_up_required'],
      [[duties[1]], 'obligation_unmet'],
    ] as const) {
      const { origin } = await servePoint(t, answerJson({ decision: true, context: { obligations } }))
      assert.equal(await become(authzenEvaluator({ pdp: origin, discovery: false })), code)
    }
  })

  test('that nobody in the chain carries out are refused when the guard is made, where they are known', () => {
    const permit = '@obligation("{\\"type\\":\\"notification\\"}") permit(principal, action, resource);'
    for (const evaluator of [
      cedarEvaluator({ cedar, policies: permit }),
      opaRest({ url: 'https://opa.example', path: 'a', obliges: ['notification'] }),
      authzenEvaluator({ pdp: 'https://pdp.example', obliges: ['notification'] }),
      firstOf(own, cedarEvaluator({ cedar, policies: permit })),
    ])
      assert.throws(
        () =>
          guard()
            .use(unaudited())
            .use(verifyIdentity({ verifiers: [identityOf({})] }))
            .use(authorize({ evaluator }))
            .protect(() => 1, { action: 'chat', resource: { type: 'model', id: 'x' } }),
        /notification/,
      )
  })
})
