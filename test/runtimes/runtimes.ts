/** Where the suite runs. Versions are pinned: a release of a runtime must not break a build of ours by itself. */
export interface Runtime {
  readonly name: string
  /** The npm package that brings it, with its version; the Node that runs this where there is none. */
  readonly from?: string
  /** What to start. */
  readonly command: string
  /** What comes before the path of a script, or before the path of a configuration. */
  readonly flags: readonly string[]
  /** Who runs the suite there: a script, or a worker that is asked over loopback. */
  readonly host: 'process' | 'worker'
}

/** The Node that runs this: only where it is named. */
export const here: Runtime = { name: 'node', command: process.execPath, flags: [], host: 'process' }

export const runtimes: readonly Runtime[] = [
  { name: 'node-20', from: 'node@20.20.2', command: 'node', flags: [], host: 'process' },
  { name: 'node-22', from: 'node@22.23.3', command: 'node', flags: [], host: 'process' },
  { name: 'node-24', from: 'node@24.21.0', command: 'node', flags: [], host: 'process' },
  { name: 'node-26', from: 'node@26.10.0', command: 'node', flags: [], host: 'process' },
  { name: 'bun', from: 'bun@1.4.5', command: 'bun', flags: [], host: 'process' },
  { name: 'deno', from: 'deno@2.9.6', command: 'deno', flags: ['run', '--allow-all', '--quiet'], host: 'process' },
  { name: 'workerd', from: 'workerd@1.20261117.1', command: 'workerd', flags: ['serve'], host: 'worker' },
]
