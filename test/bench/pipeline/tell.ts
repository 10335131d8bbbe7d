import { tell } from '../report/figure.ts'

const asked: Readonly<Record<string, number>> = { verifyIdentity: 3, authorize: 1, rateLimit: 1, maskData: 20, audit: 18 }

/** Tells the report what the rounds gave: of each subject, of the guard above the bare function, and of each control. */
export function tellPipeline(figures: ReadonlyMap<string, readonly number[]>): void {
  const bench = 'pipeline'
  const unit = 'µs a call'
  const of = (name: string): readonly number[] => figures.get(name) ?? []
  const less = (name: string, other: string): number[] => of(name).map((value, round) => value - (of(other)[round] ?? Number.NaN))
  const whole = 'sallyport, all controls'
  const above = less(whole, 'bare function')
  tell({ bench, table: 'above the bare function', subject: 'the whole guard', unit, values: above, asked: 45 })
  for (const name of [whole, 'sallyport, engine alone', 'bare function', 'jose jwtVerify alone', 'agent-governance-sdk executeWithGovernance'])
    tell({ bench, table: 'one call', subject: name, unit, values: of(name), peer: !name.startsWith('sallyport') })
  for (const [control, limit] of Object.entries(asked)) {
    const values = less(whole, `sallyport without ${control}`)
    tell({ bench, table: 'the whole guard less the guard without a control', subject: control, unit, values, asked: limit })
  }
  for (const control of Object.keys(asked)) {
    const values = less(`sallyport, ${control} alone`, 'sallyport, engine alone')
    tell({ bench, table: 'a control alone, above the engine', subject: control, unit, values })
  }
}
