// Runs the suite in the process that this is: one report a line of its output.
import { runAll } from './suite.js'

await runAll((report) => process.stdout.write(`${JSON.stringify(report)}\n`), JSON.parse(process.argv[2]))
process.stdout.write('', () => process.exit())
