// The audit log beside its peers. Build first: it measures `dist`. With `--records N` it makes a log of N records to verify
// and to prove from (1,000,000 unless given; 10,000,000 takes a few minutes and 8 GB).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printCosts } from './costs.ts'
import { printLarge } from './large.ts'

const at = process.argv.indexOf('--records')
const records = at === -1 ? 1_000_000 : Number(process.argv[at + 1])
const folder = mkdtempSync(join(process.env.SALLYPORT_BENCH_FOLDER ?? tmpdir(), 'sallyport-bench-audit-'))
process.once('SIGTERM', () => {
  rmSync(folder, { recursive: true, force: true })
  process.exit(143)
})
try {
  await printCosts(folder)
  await printLarge(folder, records)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
