// How much of what must not be seen is found, how much else is masked, beside peers, and how fast. No network, the same texts every time.
import { detectors, scan } from '../../../dist/index.js'
import { tell } from '../report/figure.ts'
import { corpus, secondCorpus } from './corpus.ts'
import { peers } from './peers.ts'
import { type Quality, qualityOf, rates } from './quality.ts'
import { printPeerSpeed } from './peer-speed.ts'
import { printHostile, printSpeed } from './speed.ts'

const show = process.argv.includes('--show')
const texts = [...corpus(1, 6), ...secondCorpus(1, 6)]

function find(text: string): ReturnType<typeof scan> {
  return scan(text, detectors.all)
}

function columns(name: string, count: number, values: readonly number[]): string {
  return `  ${name.padEnd(22)}${String(count).padStart(7)}${values.map((value) => (Number.isNaN(value) ? '-' : value.toFixed(3)).padStart(11)).join('')}`
}

function printTypes({ byType, all, innocent, masked }: Quality): void {
  console.log(`  ${'type'.padEnd(22)}${'values'.padStart(7)}${'precision'.padStart(11)}${'recall'.padStart(11)}${'F1'.padStart(11)}`)
  for (const [type, count] of [...byType].sort(([one], [other]) => (one < other ? -1 : 1)))
    console.log(columns(type, count.right + count.missed, rates(count)))
  console.log(columns('all', all.right + all.missed, rates(all)))
  console.log(`  innocent characters masked: ${((masked / innocent) * 100).toFixed(3)} % of ${innocent}`)
}

const own = await qualityOf(texts, find, show)
console.log(`\nmasking: ${texts.length} labelled texts of two corpora`)
printTypes(own)

const few = [...corpus(1, 1), ...secondCorpus(1, 1)]
console.log(
  `\nbeside peers: ${few.length} of these texts; F1 of all types, of those that the peer knows, ours of the same; innocent characters masked, %; CPU ms`,
)
console.log(
  `  ${'library'.padEnd(22)}${'types'.padStart(7)}${['all', 'its own', 'ours', 'innocent', 'ms'].map((name) => name.padStart(11)).join('')}`,
)
const ours = await qualityOf(few, find)
for (const [name, ask] of Object.entries({ sallyport: async (text: string) => find(text), ...peers })) {
  const log = console.log
  const before = process.cpuUsage()
  // One of them talks.
  console.log = console.warn = () => {}
  const { byType, innocent, masked } = await qualityOf(few, ask)
  console.log = log
  const { user, system } = process.cpuUsage(before)
  const labelled = [...ours.byType.keys()]
  const known = labelled.filter((type) => (byType.get(type)?.right ?? 0) > 0)
  const f1 = (quality: Quality['byType'], types: readonly string[]): number =>
    rates(
      types.reduce(
        (sum, type) => {
          const { right = 0, missed = 0, wrong = 0 } = quality.get(type) ?? {}
          return { right: sum.right + right, missed: sum.missed + missed, wrong: sum.wrong + wrong }
        },
        { right: 0, missed: 0, wrong: 0 },
      ),
    )[2]
  const figures = [f1(byType, labelled), f1(byType, known), f1(ours.byType, known), (masked / innocent) * 100]
  const told = { bench: 'masking', subject: name, peer: name !== 'sallyport' }
  const aim = name === 'sallyport' ? { asked: 0.95 } : {}
  tell({ ...told, table: 'F1 over the types that a library knows', unit: 'F1', better: 'more', values: [figures[1] ?? 0], ...aim })
  tell({ ...told, table: 'characters masked that are innocent', unit: '%', values: [figures[3] ?? 0], ...(name === 'sallyport' && { asked: 0.1 }) })
  console.log(columns(name, known.length, figures) + ((user + system) / 1000).toFixed(0).padStart(11))
}

await printPeerSpeed()
printSpeed()
printHostile()
process.exit(0)
