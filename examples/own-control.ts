// A control of one's own: it decides, adds to the context, looks at every part and learns how the call ended.
import assert from 'node:assert/strict'
import { type Call, type Control, control, guard, GuardError, type Known } from 'sallyport'
import { mockGuard, testClock } from 'sallyport/testing'

type Needs = Call & Pick<Known, 'identity'>

const endings: string[] = []

/** Lets calls through inside office hours only, and tells the function which hour it is. UTC. */
function officeHours(options: { from: number; to: number }): Control<Needs, { readonly hour: number }> {
  return control<Needs, { readonly hour: number }>(
    'office-hours',
    {
      enter(call) {
        const hour = new Date(call.startedAt).getUTCHours()
        if (hour < options.from || hour >= options.to) throw new GuardError('denied', { reason: `${call.identity.subject} came at ${hour}` })
        return { hour }
      },
      async *response(parts) {
        // A whole answer is a stream of one part, so this is all there is to write.
        for await (const part of parts) yield typeof part === 'string' ? part.toUpperCase() : part
      },
      leave: (outcome) => void endings.push(outcome.ending),
    },
    { needs: ['identity'], adds: ['hour'], describe: options },
  )
}

// The compiler wants an identity before it, and so does start-up.
assert.throws(
  // @ts-expect-error This control needs an identity: put verifyIdentity() before it.
  () => guard().use(officeHours({ from: 8, to: 18 })),
  /put verifyIdentity\(\) before it/,
)

const clock = testClock(Date.UTC(2026, 0, 5, 9))
const base = mockGuard({ identity: { subject: 'ada' } }, { clock }).use(officeHours({ from: 8, to: 18 }))
const operation = { action: 'chat', resource: { type: 'model', id: 'fake' } }

// `call.hour` is a number to the compiler: no cast.
const chat = base.protect((name: string, call) => `hello ${name}, it is ${call.hour.toFixed(0)}`, operation)
assert.equal(await chat('ada'), 'HELLO ADA, IT IS 9')

const stream = base.protect(async function* (name: string) {
  yield 'hello '
  yield name
}, operation)
const parts: string[] = []
for await (const part of await stream('ada')) parts.push(part)
assert.deepEqual(parts, ['HELLO ', 'ADA'])

clock.advance(10 * 3_600_000)
await assert.rejects(chat('ada'), { code: 'denied', message: 'This is not permitted.' })

assert.deepEqual(endings, ['completed', 'completed', 'refused'])
console.log(`own-control: ${endings.join(', ')}`)
