import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
}

/** Builds the package into a folder, as `npm run build:code` does, with its manifest beside what was built. */
export function buildPackage(folder: string): void {
  const { scripts = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const build = scripts['build:code'] ?? ''
  const elsewhere = build.replace('--dir=dist', `--dir=${join(folder, 'dist')}`)
  if (elsewhere === build) throw new Error('the build cannot be told where to write')
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` }
  const { status, stderr } = spawnSync('sh', ['-c', elsewhere], { cwd: root, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the package could not be built: ${stderr}`)
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
}
