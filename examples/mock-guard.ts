// How an application tests code that is guarded: no tokens, no keys, no stores.
import assert from 'node:assert/strict'
import { type Call, type Guard, isGuardError, type Trusted } from 'sallyport'
import { mockGuard } from 'sallyport/testing'

// The application: it takes any guard that has established who calls and that they may.
function makeSupportBot(base: Guard<Call & Trusted>, model: (question: string) => Promise<string>) {
  const ask = base.protect((question: string, call) => model(`${call.identity.subject} asks: ${question}`), {
    action: 'chat',
    resource: { type: 'model', id: 'support' },
  })
  return async (question: string): Promise<string> => {
    try {
      return await ask(question)
    } catch (error) {
      if (isGuardError(error) && error.code === 'limit_exceeded') return 'Please come back in a minute.'
      throw error
    }
  }
}

// Its test.
const mock = mockGuard({ identity: { subject: 'ada', roles: ['customer'] } })
const asked: string[] = []
const bot = makeSupportBot(mock, (question) => {
  asked.push(question)
  return Promise.resolve('Turn it off and on again.')
})

assert.equal(await bot('It does not work.'), 'Turn it off and on again.')
assert.deepEqual(asked, ['ada asks: It does not work.'])

mock.refuse('rateLimit', 'limit_exceeded')
assert.equal(await bot('Still not.'), 'Please come back in a minute.')

mock.refuse('authorize', 'denied')
await assert.rejects(bot('And now?'), { code: 'denied' })

mock.permit({ identity: { subject: 'grace' } })
await bot('Hello?')

assert.equal(asked.length, 2, 'a refused call never reaches the model')
assert.deepEqual(
  mock.calls.map((call) => [call.input, call.outcome?.ending]),
  [
    ['It does not work.', 'completed'],
    // Refused before the input was needed by anybody.
    ['Still not.', 'refused'],
    ['And now?', 'refused'],
    ['Hello?', 'completed'],
  ],
)
console.log(`mock-guard: ${mock.calls.length} calls, ${asked.length} reached the model`)
