// Writes written.json anew: `node --import tsx --conditions=@sallyport/source test/conformance/exchange/write-file.ts`.
import { writeFileSync } from 'node:fs'
import { write } from './write.ts'

writeFileSync(new URL('./written.json', import.meta.url), `${JSON.stringify(await write())}\n`)
