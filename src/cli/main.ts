#!/usr/bin/env node
import { main } from './run.ts'

// Whoever reads may stop reading, as `head` does.
process.stdout.on('error', (error: Error & { readonly code?: string }) => {
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await main(process.argv.slice(2))
