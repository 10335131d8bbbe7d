import { detectors, scan } from '../../../dist/index.js'
import { quantile, tell } from '../report/figure.ts'
import { peers } from './peers.ts'
import { page } from './speed.ts'

const rounds = 7
/** Microseconds that a measurement takes at least. */
const atLeast = 20_000
/** Whoever needs longer for one text is asked for no longer one, in microseconds. */
const patience = 250_000

/** Prints what looking for everything costs in clean texts of growing length, beside peers and in turns. */
export async function printPeerSpeed(): Promise<void> {
  const everybody = { sallyport: async (text: string) => scan(text, detectors.all), ...peers }
  const subjects = Object.entries(everybody).map(([name, find]) => ({ name, find, isSlow: false }))
  console.log(`\nbeside peers: CPU microseconds for a clean text, median of ${rounds} rounds, in turns`)
  for (const size of [85, 1_000, 16_000]) {
    const text = page.repeat(100).slice(0, size)
    const measured: { name: string; find: (text: string) => Promise<unknown>; count: number; values: number[] }[] = []
    for (const subject of subjects) {
      if (subject.isSlow) continue
      let count = 1
      for (; count < 100_000; count *= 2) if ((await cost(subject.find, text, count)) * count > atLeast) break
      subject.isSlow = (await cost(subject.find, text, 1)) > patience
      measured.push({ name: subject.name, find: subject.find, count, values: [] })
    }
    for (let round = 0; round < rounds; round++) for (const { find, count, values } of measured) values.push(await cost(find, text, count))
    for (const { name, values } of measured) {
      const told = { bench: 'masking', table: 'a clean text, everything that is known', subject: name, peer: name !== 'sallyport' }
      tell({ ...told, unit: 'µs', values, size: { of: 'characters', value: size } })
      console.log(`  ${String(size).padStart(6)} characters  ${name.padEnd(22)}${quantile(values, 0.5).toFixed(1).padStart(12)}`)
    }
  }
}

async function cost(find: (text: string) => Promise<unknown>, text: string, count: number): Promise<number> {
  // One of them talks.
  const { log, warn } = console
  console.log = console.warn = () => {}
  const before = process.cpuUsage()
  for (let done = 0; done < count; done++) await find(text)
  const { user, system } = process.cpuUsage(before)
  console.log = log
  console.warn = warn
  return (user + system) / count
}
