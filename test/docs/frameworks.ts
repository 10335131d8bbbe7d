// The page docs/frameworks.md, written from docs/frameworks.json: node --import tsx test/docs/frameworks.ts > docs/frameworks.md
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** How a control of a framework is met. */
export interface MappedControl {
  readonly id: string
  readonly title: string
  readonly role: 'enforces' | 'evidences' | 'out of reach'
  /** What of this package does it. */
  readonly by?: readonly string[]
  /** The tests that show it, as paths in this repository. */
  readonly tests?: readonly string[]
  readonly note?: string
}

/** A framework and its controls. */
export interface Framework {
  readonly name: string
  readonly source?: string
  readonly controls: readonly MappedControl[]
}

/** The table. */
export function frameworks(): readonly Framework[] {
  const path = fileURLToPath(new URL('../../docs/frameworks.json', import.meta.url))
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly frameworks: readonly Framework[] }).frameworks
}

/** The page. */
export function page(): string {
  return [
    '# Control frameworks',
    '',
    'What enforces or evidences which control, and the tests that show it. A library makes no system compliant: it enforces a control for the calls that go through it, or gives',
    'evidence for one, and the rest is yours. This page is made from `frameworks.json`, and a test holds both to the code.',
    '',
    ...frameworks().flatMap(({ name, source, controls }) => [
      `## ${name}`,
      '',
      ...(source === undefined ? [] : [source, '']),
      '| control | title | here | by | shown by |',
      '| --- | --- | --- | --- | --- |',
      ...controls.map(
        ({ id, title, role, by = [], tests = [], note }) =>
          `| ${id} | ${title} | ${role}${note === undefined ? '' : `. ${note}`} | ${by.map((each) => `\`${each}\``).join(', ')} | ${tests.map((test) => `[${nameOf(test)}](../${test})`).join(', ')} |`,
      ),
      '',
    ]),
  ].join('\n')
}

function nameOf(path: string): string {
  return path.split('/').at(-1)?.replace('.test.ts', '') ?? path
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(page())
