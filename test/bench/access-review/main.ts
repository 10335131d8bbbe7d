// What an access review of a year costs: a million decisions through the function, in a child process whose heap is bounded.
// With LOG=1 also from a log on the disk, verified while it is read, as the command does: that needs a gigabyte of disk.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const records = Number(process.env.RECORDS ?? 1_000_000)
const child = fileURLToPath(new URL('child.ts', import.meta.url))
const flags = ['--import', 'tsx', '--conditions=@sallyport/source', '--max-old-space-size=350']

console.log(`\naccess review: ${records.toLocaleString('en')} decision records; node ${process.version}`)
for (const mode of ['generate', 'review', 'review-texts', 'review-other-version', 'diff', ...(process.env.LOG === '1' ? ['log'] : [])]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, child, mode, String(records)], { encoding: 'utf8' })
  console.log(status === 0 ? stdout.trimEnd() : `  ${mode}: failed\n${stderr}`)
}
