// Limits beside their peers: what a check costs, in memory and in Redis, and what becomes of traffic. Build first: it measures `dist`.
import { printRedis } from './redis.ts'
import { printSpeed } from './speed.ts'
import { printTraffic } from './traffic.ts'

await printSpeed()
await printRedis()
await printTraffic()
