import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { control, type Resource } from '../../src/index.ts'
import { mockGuard } from '../../src/testing/index.ts'

interface Transfer {
  to: string
  amount: number
  notes?: string[]
}

// A chain whose policy takes its time, as when a person is asked.
function slowGuard(asked: Resource[]) {
  return mockGuard().use(
    control('approval', {
      async enter(call) {
        asked.push(call.resource)
        await sleep(5)
      },
    }),
  )
}

const operation = { action: 'execute_tool', resource: (input: Transfer) => ({ type: 'account', id: input.to, properties: { amount: input.amount } }) }

describe('A13: what was checked is what runs', () => {
  test('arguments changed after the call, and during an approval', async () => {
    const asked: Resource[] = []
    const ran: Transfer[] = []
    const transfer = slowGuard(asked).protect((input: Transfer) => void ran.push(input), operation)
    const input: Transfer = { to: 'ada', amount: 1, notes: ['rent'] }
    const running = transfer(input)
    input.to = 'mallory'
    await sleep(1)
    input.amount = 1_000_000
    input.notes?.push('all of it')
    await running
    assert.deepEqual(ran, [{ to: 'ada', amount: 1, notes: ['rent'] }])
    assert.deepEqual(asked, [{ type: 'account', id: 'ada', properties: { amount: 1 } }])
  })

  test('a getter that says one thing to the check and another to the function', async () => {
    const asked: Resource[] = []
    const ran: Transfer[] = []
    let reads = 0
    const shifty = {
      get to() {
        return reads++ === 0 ? 'ada' : 'mallory'
      },
      amount: 1,
    }
    await slowGuard(asked).protect((input: Transfer) => void ran.push(input), operation)(shifty)
    assert.equal(ran[0]?.to, asked[0]?.id)
    assert.equal(reads, 1)
  })

  test('a proxy that counts how often it is read', async () => {
    const asked: Resource[] = []
    const ran: Transfer[] = []
    let reads = 0
    const proxy = new Proxy(
      { to: 'ada', amount: 1 },
      { get: (target, key) => (key === 'to' && reads++ > 0 ? 'mallory' : Reflect.get(target, key)) as unknown },
    )
    await slowGuard(asked).protect((input: Transfer) => void ran.push(input), operation)(proxy)
    assert.equal(ran[0]?.to, asked[0]?.id)
  })

  test('a function and a control that try to change what they were given', async () => {
    const base = mockGuard()
    const transfer = base.protect((input: Transfer, call) => {
      assert.throws(() => Object.assign(input, { to: 'mallory' }), TypeError)
      assert.throws(() => input.notes?.push('x'), TypeError)
      assert.throws(() => Object.assign(call, { action: 'delete' }), TypeError)
      assert.throws(() => Object.assign(call.resource, { id: 'mallory' }), TypeError)
    }, operation)
    await transfer({ to: 'ada', amount: 1, notes: [] })
  })

  test('a control that rewrites the input into another resource, or another action', async () => {
    let ran = 0
    const swapping = mockGuard().use(control('swap', { request: (input) => ({ ...(input as Transfer), to: 'mallory' }) }))
    await assert.rejects(swapping.protect((_input: Transfer) => ++ran, operation)({ to: 'ada', amount: 1 }), { code: 'misconfigured' })
    const acting = { ...operation, resource: { type: 'account', id: 'ada' }, action: (input: Transfer) => (input.amount > 10 ? 'withdraw' : 'read') }
    const raising = mockGuard().use(control('raise', { request: (input) => ({ ...(input as Transfer), amount: 1_000 }) }))
    await assert.rejects(raising.protect((_input: Transfer) => ++ran, acting)({ to: 'ada', amount: 1 }), { code: 'misconfigured' })
    assert.equal(ran, 0)
  })

  test('operation, options and policy data changed after the guard was made', async () => {
    const mutable: { action: string; resource: { type: string; id: string }; attributes: { region: string } } = {
      action: 'read',
      resource: { type: 'account', id: 'ada' },
      attributes: { region: 'eu' },
    }
    const read = mockGuard().protect((_input: null, call) => [call.action, call.resource.id, call.attributes.region], mutable)
    mutable.action = 'delete'
    mutable.resource.id = 'mallory'
    mutable.attributes.region = 'us'
    assert.deepEqual(await read(null), ['read', 'ada', 'eu'])
  })

  test('call options changed after the call', async () => {
    const request = { attributes: { risk: 0.1 }, deadline: 1_000 }
    const running = slowGuard([]).protect((_input: Transfer, call) => call.attributes.risk, operation)({ to: 'ada', amount: 1 }, request)
    request.attributes.risk = 0.9
    assert.equal(await running, 0.1)
  })
})
