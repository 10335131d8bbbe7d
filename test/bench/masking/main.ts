// How much of what must not be seen is found, how much else is masked, and how fast. No network, the same texts every time.
import { detectors, masker, scan } from '../../../dist/index.js'
import { corpus } from './corpus.ts'
import { hostileShapes } from './hostile.ts'

const texts = corpus()
const counts = new Map<string, { right: number; missed: number; wrong: number }>()
const countOf = (type: string): { right: number; missed: number; wrong: number } => {
  const known = counts.get(type)
  if (known !== undefined) return known
  const made = { right: 0, missed: 0, wrong: 0 }
  counts.set(type, made)
  return made
}
let innocent = 0
let masked = 0
for (const { text, labels } of texts) {
  const findings = scan(text, detectors.all)
  for (const label of labels) {
    const isFound = findings.some(({ type, start, end }) => type === label.type && start < label.end && end > label.start)
    if (isFound) countOf(label.type).right++
    else countOf(label.type).missed++
    if (!isFound && process.argv.includes('--show'))
      console.log(
        'missed',
        label.type,
        JSON.stringify(text.slice(label.start, label.end)),
        'in',
        JSON.stringify(text),
        findings.map(({ type }) => type).join(),
      )
  }
  for (const finding of findings) {
    const isRight = labels.some(({ type, start, end }) => type === finding.type && start < finding.end && end > finding.start)
    if (!isRight) countOf(finding.type).wrong++
    if (!isRight && process.argv.includes('--show'))
      console.log('wrong', finding.type, JSON.stringify(text.slice(finding.start, finding.end)), 'in', JSON.stringify(text))
  }
  for (let at = 0; at < text.length; at++) {
    if (labels.some(({ start, end }) => start <= at && at < end)) continue
    innocent++
    if (findings.some(({ start, end }) => start <= at && at < end)) masked++
  }
}

const all = { right: 0, missed: 0, wrong: 0 }
console.log(`\nmasking: ${texts.length} labelled texts, ${[...counts.values()].reduce((sum, { right, missed }) => sum + right + missed, 0)} values`)
console.log(`  ${'type'.padEnd(22)}${'values'.padStart(7)}${'precision'.padStart(11)}${'recall'.padStart(8)}${'F1'.padStart(8)}`)
for (const [type, { right, missed, wrong }] of [...counts].sort(([one], [other]) => (one < other ? -1 : 1))) {
  all.right += right
  all.missed += missed
  all.wrong += wrong
  print(type, right, missed, wrong)
}
print('all', all.right, all.missed, all.wrong)
console.log(`  innocent characters masked: ${((masked / innocent) * 100).toFixed(3)} % of ${innocent}`)

function print(type: string, right: number, missed: number, wrong: number): void {
  const precision = right / (right + wrong)
  const recall = right / (right + missed)
  const f1 = (2 * right) / (2 * right + missed + wrong)
  console.log(
    `  ${type.padEnd(22)}${String(right + missed).padStart(7)}${precision.toFixed(3).padStart(11)}${recall.toFixed(3).padStart(8)}${f1.toFixed(3).padStart(8)}`,
  )
}

const prompt = 'Please summarise the quarterly report for our team and list the three main risks. Ok?'
const page =
  'The board met on Tuesday to review the plan for the next three years. Sales grew by 12 percent, and the new plant in the north is two months ahead of its plan. ' +
  'Members asked how the team wants to keep costs down while it hires 40 engineers. '
const log = texts
  .filter(({ kind }) => kind === 'logs')
  .map(({ text }) => text)
  .join('\n')
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

function speed(text: string): number {
  const { mask } = masker({ detect: detectors.all })
  const times = Math.ceil(8e6 / text.length)
  for (let run = 0; run < times / 4; run++) mask(text)
  const before = cpu()
  for (let run = 0; run < times; run++) mask(text)
  return (times * text.length) / (cpu() - before)
}

console.log('\nspeed, all detectors, MB per CPU second')
for (const [name, text] of Object.entries({
  'prompt of 85 characters': prompt,
  '1 kB of clean text': page.repeat(4).slice(0, 1000),
  '64 kB of clean text': page.repeat(300).slice(0, 65_536),
  '64 kB of logs': log.repeat(12).slice(0, 65_536),
}))
  console.log(`  ${name.padEnd(28)}${speed(text).toFixed(1).padStart(8)}`)

console.log('\nhostile shapes of 128 kB: CPU ms, and how many times as much as 64 kB')
let slowest = { shape: '', time: 0, ratio: 0 }
for (const shape of hostileShapes) {
  const time = (length: number): number => {
    const text = shape.repeat(Math.ceil(length / shape.length)).slice(0, length)
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 4; run++) {
      const before = cpu()
      scan(text, detectors.all)
      best = Math.min(best, cpu() - before)
    }
    return best / 1000
  }
  time(4096)
  const half = time(65_536)
  const whole = time(131_072)
  if (whole > slowest.time) slowest = { shape, time: whole, ratio: whole / half }
  if (whole > 40 || process.argv.includes('--show'))
    console.log(`  ${JSON.stringify(shape).padEnd(34)}${whole.toFixed(1).padStart(8)}${(whole / half).toFixed(2).padStart(8)}`)
}
console.log(`  slowest: ${JSON.stringify(slowest.shape)} ${slowest.time.toFixed(1)} ms, ${slowest.ratio.toFixed(2)} times`)
