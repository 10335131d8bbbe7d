import type { Figure } from '../bench/report/figure.ts'
import type { Machine, Results, Run } from '../bench/report/results.ts'
import type { Soak, SoakRow } from '../bench/report/soak-results.ts'

const machine: Machine = { cpu: 'Test CPU <8>', cores: 2, memory: '8 GiB', node: 'v20.19.0', platform: 'linux x64' }

/** A figure of the policy bench, over which a test lays what it is about. */
export function figure(over: Partial<Figure> = {}): Figure {
  const usual = {
    bench: 'policy',
    table: 'a decision',
    subject: 'sallyport',
    unit: 'µs',
    better: 'less',
    median: 10,
    low: 9.5,
    high: 10.5,
    rounds: 11,
  }
  return { ...(usual as Figure), ...over }
}

/** A run of these figures. */
export function run(figures: readonly Figure[], over: Partial<Run> = {}): Run {
  return { date: '2026-01-02T03:04:05.000Z', commit: '0123456789', machine, seconds: 12, load: 0.3, peers: { casbin: '5.0.0' }, figures, ...over }
}

const sized = (subject: string, value: number, median: number, peer = false): Figure =>
  figure({ subject, median, low: median, high: median, size: { of: 'rules', value }, ...(peer && { peer: true }) })

/** Results of two benches, one of them with a run before. */
export const results: Results = {
  version: 1,
  benches: {
    import: {
      now: run([
        figure({
          bench: 'import',
          table: 'a fresh process',
          subject: 'sallyport',
          median: 120,
          low: 119,
          high: 121,
          unit: 'ms',
          asked: 1.5,
          askedOf: 'jose',
        }),
        figure({ bench: 'import', table: 'a fresh process', subject: 'jose', median: 90, low: 89, high: 91, unit: 'ms', peer: true }),
      ]),
      last: run(
        [
          figure({ bench: 'import', table: 'a fresh process', subject: 'sallyport', median: 100, low: 99, high: 101, unit: 'ms' }),
          figure({ bench: 'import', table: 'a fresh process', subject: 'jose', median: 89, low: 88, high: 91, unit: 'ms', peer: true }),
        ],
        { date: '2026-01-01T00:00:00.000Z', commit: 'abcdef0123' },
      ),
    },
    policy: {
      now: run(
        [
          ...[10, 10_000].map((size) => ({ ...sized('sallyport', size, size === 10 ? 0.6 : 0.7), asked: 1 })),
          ...[10, 10_000].map((size) => sized('casbin & others', size, size * 1.7, true)),
        ],
        { load: 1.2 },
      ),
    },
  },
}

const row = (at: number): SoakRow => ({
  at,
  rss: 200,
  heapLow: 40,
  heapHigh: 60 + (at % 60),
  delay50: 10,
  delay99: 30,
  delayMax: 50,
  cpu: 4000,
  append50: 2,
  append99: 40,
  appendMax: 60,
  waiting: 0,
  json50: 5,
  json99: 50,
  stream50: 500,
  stream99: 700,
})

/** A soak of ten minutes. */
export const soak: Soak = {
  version: 1,
  command: 'npm --prefix test/bench run soak -- --minutes 10',
  date: '2026-01-02T03:04:05.000Z',
  machine,
  seconds: 600,
  rate: 60,
  calls: 36_000,
  answered: { json: 21_600, stream: 7_200, unknown: 1_800 },
  left: 3_600,
  records: { entries: 68_401, decisions: 34_200, outcomes: 34_200, refusals: 1_800 },
  held: { 'every place was given back': true, 'no record waits': false },
  collected: [
    { at: 150, heap: 38 },
    { at: 450, heap: 39 },
  ],
  rows: Array.from({ length: 20 }, (_, index) => row((index + 1) * 30)),
}
