// Run as a process of its own: it listens, loses Redis, gets it back, and then must end by itself.
import process from 'node:process'
import { redisState } from '../../../src/adapters/redis/index.ts'
import { clientLibraries } from './clients.ts'
import { until } from './told.ts'

const [name, port, how] = process.argv.slice(2)
const library = clientLibraries.find((each) => each.name === name)
if (library === undefined) throw new Error('no such library')
const connection = await library.connect(Number(port))
const store = redisState({ client: connection.client, deadline: 100 })
let told = 0
store.subscribe(() => void told++)
await until(() => told >= 1)
console.log('listening')
const isRefused = async (): Promise<boolean> => {
  try {
    await store.get(['a'], Date.now())
    return false
  } catch {
    return true
  }
}
await until(isRefused)
// Nobody waits for these any more when Redis comes back.
for (let index = 0; index < 100; index++) void Promise.resolve(store.add(String(index), Date.now() + 1_000, Date.now())).catch(() => {})
console.log('refused')
await until(() => told >= 2)
await until(async () => !(await isRefused()))
if (how === 'closed') await store.close()
connection.close()
console.log('told again')
