// Seals ten million frames through the code that seals answers, looks at every nonce at the cipher, and says whether one came twice.
import { sealFrames, watchNonces } from '../../encryption/watched-nonces.ts'

const frames = Number(process.argv[2] ?? 10_000_000)
const { user } = process.cpuUsage()
const watched = await watchNonces(() => sealFrames(frames, 64))
const seconds = (process.cpuUsage().user - user) / 1e6
console.log(`${watched.frames} frames under ${watched.keys} keys, no nonce twice under one; ${seconds.toFixed(0)} s of CPU time`)
