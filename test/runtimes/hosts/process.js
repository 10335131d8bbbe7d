// Runs the suite in the process that this is: one report a line of its output.
import { readFileSync } from 'node:fs'
import { runAll } from './suite.js'

await runAll((report) => process.stdout.write(`${JSON.stringify(report)}\n`), JSON.parse(readFileSync(process.argv[2], 'utf8')))
process.stdout.write('', () => process.exit())
