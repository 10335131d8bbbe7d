import { detectors, masker, scan } from '../../../dist/index.js'
import { corpus } from './corpus.ts'
import { tell } from '../report/figure.ts'
import { hostileShapes } from './hostile.ts'

const prompt = 'Please summarise the quarterly report for our team and list the three main risks. Ok?'
export const page =
  'The board met on Tuesday to review the plan for the next three years. Sales grew by 12 percent, and the new plant in the north is two months ahead of its plan. ' +
  'Members asked how the team wants to keep costs down while it hires 40 engineers. '

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function megabytesPerSecond(text: string): number[] {
  const { mask } = masker({ detect: detectors.all })
  const times = Math.ceil(8e6 / text.length)
  for (let run = 0; run < times / 4; run++) mask(text)
  return Array.from({ length: 5 }, () => {
    const before = cpu()
    for (let run = 0; run < times / 2; run++) mask(text)
    return (times * text.length) / 2 / (cpu() - before)
  })
}

/** Prints how much is masked in a second of CPU time, the best of five. */
export function printSpeed(): void {
  const log = corpus()
    .filter(({ kind }) => kind === 'logs')
    .map(({ text }) => text)
    .join('\n')
  console.log('\nspeed: MB per CPU second, all detectors')
  for (const [name, text] of Object.entries({
    'prompt of 85 characters': prompt,
    '1 kB of clean text': page.repeat(5).slice(0, 1000),
    '64 kB of clean text': page.repeat(300).slice(0, 65_536),
    '64 kB of logs': log.repeat(12).slice(0, 65_536),
  })) {
    const values = megabytesPerSecond(text)
    const asked = name.startsWith('prompt') ? { asked: 20 } : name.includes('clean') ? { asked: 50 } : {}
    tell({ bench: 'masking', table: 'all detectors', subject: name, unit: 'MB a CPU second', better: 'more', values, ...asked })
    console.log(
      `  ${name.padEnd(28)}${Math.max(...values)
        .toFixed(1)
        .padStart(8)}`,
    )
  }
}

function milliseconds(shape: string, length: number): number {
  const text = shape.repeat(Math.ceil(length / shape.length)).slice(0, length)
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 4; run++) {
    const before = cpu()
    scan(text, detectors.all)
    best = Math.min(best, cpu() - before)
  }
  return best / 1000
}

/** Prints what the worst texts of 128 kB cost, and how many times as much as half of them. */
export function printHostile(): void {
  const times = hostileShapes.map((shape) => {
    milliseconds(shape, 4096)
    const half = milliseconds(shape, 65_536)
    const whole = milliseconds(shape, 131_072)
    return { shape, whole, ratio: whole / half }
  })
  times.sort((one, other) => other.whole - one.whole)
  console.log(
    `\nhostile: ${hostileShapes.length} shapes of 128 kB, CPU ms, and how many times as much as 64 kB; the five slowest, and the steepest above 5 ms`,
  )
  for (const { shape, whole, ratio } of times.slice(0, 5)) print(shape, whole, ratio)
  const steepest = times.filter(({ whole }) => whole > 5).sort((one, other) => other.ratio - one.ratio)[0]
  if (steepest !== undefined) print(steepest.shape, steepest.whole, steepest.ratio)
  const told = { bench: 'masking', subject: `the worst of ${hostileShapes.length} shapes` }
  tell({ ...told, table: 'a hostile text of 128 kB', unit: 'ms', values: [times[0]?.whole ?? Number.NaN], asked: 60 })
  tell({ ...told, table: 'a hostile text, against half of it', unit: '×', values: [steepest?.ratio ?? Number.NaN], asked: 2.3 })
}

function print(shape: string, whole: number, ratio: number): void {
  const short = shape.length > 30 ? `${shape.slice(0, 27)}...` : shape
  console.log(`  ${JSON.stringify(short).padEnd(38)}${whole.toFixed(1).padStart(8)}${ratio.toFixed(2).padStart(8)}`)
}
