// What a decision costs in CPU time, beside its peers, interleaved in one process. Build first: it measures `dist`.
import { cpus } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { policySet } from '../../../dist/index.js'
import { tell } from '../report/figure.ts'
import { casbinSync, caslAbilities, cedarPreparsed, handWritten, type Question, workload } from './workload.ts'

// Node 20 ends the process ("unreachable code" in the deoptimizer) once a caller of cedar-wasm is optimized together with it.
setFlagsFromString('--no-turbo-inline-js-wasm-calls')

const rounds = Number(process.env.ROUNDS ?? 11)
const sizes = (process.env.SIZES ?? '10,100,1000,10000').split(',').map(Number)
/** How long one measurement takes at least, in milliseconds. */
const atLeast = Number(process.env.AT_LEAST ?? 40)

type Decide = (question: Question) => boolean
interface Subject {
  readonly name: string
  readonly size: number
  readonly decide: Decide
  readonly questions: readonly Question[]
  readonly figures: number[]
  /** Decisions in one measurement. */
  count: number
  next: number
}

// CPU of all threads, in microseconds.
function cpuOf(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function measure(subject: Subject): number {
  const { decide, questions, count } = subject
  const cost = cpuOf(() => {
    for (let done = 0; done < count; done++) decide(questions[subject.next++ % questions.length] as Question)
  })
  return cost / count
}

const subjects: Subject[] = []
const loads = new Map<string, number[]>()
const load = (name: string, made: () => Decide): Decide => {
  let decide: Decide = () => false
  loads.set(name, [...(loads.get(name) ?? []), cpuOf(() => (decide = made())) / 1000])
  return decide
}

for (const size of sizes) {
  const work = workload(size)
  const name = (peer: string): string => `${peer} at ${size}`
  const set = policySet(work.policy)
  const denied = work.questions.filter((question) => set.evaluate(question).reasons.length === 0)
  const before = process.cpuUsage()
  const casbin = await casbinSync(work)
  loads.set(name('casbin'), [(process.cpuUsage(before).user + process.cpuUsage(before).system) / 1000])
  const engines: Record<string, Decide> = {
    sallyport: (question) => set.evaluate(question).allowed,
    'hand-written index': load(name('hand-written index'), () => handWritten(work)),
    'cedar-wasm, preparsed': load(name('cedar-wasm, preparsed'), () => cedarPreparsed(work)),
    casl: load(name('casl'), () => caslAbilities(work)),
    casbin,
  }
  // What decides otherwise is no peer.
  for (const [peer, decide] of Object.entries(engines))
    for (const question of work.questions.slice(0, 64))
      if (decide(question) !== engines.sallyport?.(question)) throw new Error(`${peer} decides otherwise at ${size}: ${JSON.stringify(question)}`)
  const share = work.questions.filter((question) => set.evaluate(question).allowed).length / work.questions.length
  console.log(`${size} rules: ${(share * 100).toFixed(0)} % of the questions are permitted, ${denied.length} of ${work.questions.length} fit no rule`)
  for (const [peer, decide] of Object.entries(engines))
    subjects.push({ name: peer, size, decide, questions: work.questions, figures: [], count: 1, next: 0 })
  const explain: Decide = (question) => set.explain(question).decision.allowed
  subjects.push({ name: 'sallyport, explained', size, decide: explain, questions: work.questions, figures: [], count: 1, next: 0 })
  subjects.push({ name: 'sallyport, misses explained', size, decide: explain, questions: denied, figures: [], count: 1, next: 0 })
}

// As often as it takes to be measured at all; what takes long is asked a few times only.
for (const subject of subjects) {
  for (subject.count = 1; subject.count < 200_000; subject.count *= 2) if (measure(subject) * subject.count > atLeast * 1000) break
}
const repeated = sizes.map((size) => ({ size, policies: Array.from({ length: 3 }, () => workload(size).policy) }))
for (let round = 0; round < rounds; round++) {
  for (const subject of subjects) subject.figures.push(measure(subject))
  for (const { size, policies } of repeated)
    for (const policy of policies)
      load(`sallyport at ${size}`, () => {
        policySet(policy)
        return () => false
      })
}

const quantile = (list: readonly number[], part: number): number =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN
const figuresOf = (name: string, size: number): readonly number[] => subjects.find((one) => one.name === name && one.size === size)?.figures ?? []
const median = (name: string, size: number): number => quantile(figuresOf(name, size), 0.5)

for (const { name, size, figures } of subjects)
  tell({
    bench: 'policy',
    table: name.includes('explained') ? 'a decision with its reasons' : 'a decision',
    subject: name,
    unit: 'µs',
    values: figures,
    peer: !name.startsWith('sallyport'),
    size: { of: 'rules', value: size },
    ...(name.startsWith('sallyport') && { asked: name === 'sallyport' ? 1 : 5 }),
  })
for (const [name, values] of loads) {
  const [subject = '', size] = name.split(' at ')
  const warm = values.length > 1 ? values.slice(1) : values
  tell({
    bench: 'policy',
    table: 'loading a policy',
    subject,
    unit: 'ms',
    values: warm,
    peer: subject !== 'sallyport',
    size: { of: 'rules', value: Number(size) },
  })
}
console.log(`\npolicy: CPU microseconds a decision, median of ${rounds} rounds, interleaved (lowest and highest)`)
console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}\n`)
console.log(`${''.padEnd(30)}${sizes.map((size) => `${size} rules`.padStart(26)).join('')}`)
const shown = (value: number): string => (value < 100 ? value.toFixed(2) : value.toFixed(0))
for (const name of new Set(subjects.map((one) => one.name)))
  console.log(
    name.padEnd(30) +
      sizes
        .map((size) =>
          `${shown(median(name, size))} (${shown(quantile(figuresOf(name, size), 0))}-${shown(quantile(figuresOf(name, size), 1))})`.padStart(26),
        )
        .join(''),
  )
const [least = 0, most = 0] = [sizes[0], sizes.at(-1)]
console.log(`\n${most} rules against ${least}, each by itself:`)
for (const name of new Set(subjects.map((one) => one.name)))
  console.log(`  ${name.padEnd(30)}${(median(name, most) / median(name, least)).toFixed(2)}`)
console.log(`\nhow many times what sallyport costs, at ${sizes.join(', ')} rules:`)
for (const name of new Set(subjects.map((one) => one.name)))
  if (name !== 'sallyport')
    console.log(`  ${name.padEnd(30)}${sizes.map((size) => (median(name, size) / median('sallyport', size)).toFixed(1).padStart(9)).join('')}`)
console.log('\nloading, CPU milliseconds: the first time, then the median')
for (const [name, list] of loads)
  console.log(
    `  ${name.padEnd(36)}${(list[0] ?? 0).toFixed(1).padStart(9)}${list.length > 1 ? quantile(list.slice(1), 0.5).toFixed(1).padStart(9) : ''}`,
  )
