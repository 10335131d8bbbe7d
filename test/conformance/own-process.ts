import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * How to start one of the programs of this folder as a process of its own, on the runtime that this is: from its source
 * where the tests run from theirs, else from the bundle beside them.
 */
export function ownProcess(program: string): readonly [command: string, args: readonly string[]] {
  const isSource = import.meta.url.endsWith('.ts')
  const script = fileURLToPath(new URL(`./${program}.${isSource ? 'ts' : 'js'}`, import.meta.url))
  if (isSource) {
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    return [process.execPath, ['--import', loader, '--conditions=@sallyport/source', script]]
  }
  return [process.execPath, [...('Deno' in globalThis ? ['run', '--allow-all', '--quiet'] : []), script]]
}
