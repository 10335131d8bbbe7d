// Limits beside their peers: what a check costs, and what becomes of traffic. Build first: it measures `dist`.
import { printSpeed } from './speed.ts'
import { printTraffic } from './traffic.ts'

await printSpeed()
await printTraffic()
