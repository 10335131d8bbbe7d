import type { Command, OptionSpec } from './command.ts'

/** Columns of a help text. */
const width = 110
const indent = '  '

/** Commands that belong together, under a title. */
export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

/** What every command ends with. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'it holds: what was asked for is so, or is done'],
  [1, 'it does not: the answer is no, or something failed on the way; standard error says what'],
  [2, 'the call is wrong: nothing was done'],
]

/** The first line of a command's help: how it is called. */
export function usageOf({ name, operands, options }: Command): string {
  return ['sallyport', name, ...operands, ...(Object.keys(options).length === 0 ? [] : ['[options]'])].join(' ')
}

/** What `--help` shows: what it does, its options, examples, how it ends. Headings are bold where that can be seen. */
export function commandHelp(command: Command, colour = false): string {
  const { about, options, examples, exits } = command
  const rows = [
    ...Object.entries(options).map(([name, spec]) => [optionName(name, spec), optionHelp(spec)] as const),
    ['-h, --help', 'shows this'] as const,
  ]
  const column = Math.max(...rows.map(([left]) => left.length)) + 4
  return [
    heading(usageOf(command), colour),
    '',
    ...about.split('\n\n').flatMap((paragraph) => [...wrap(paragraph, ''), '']),
    heading('Options', colour),
    ...rows.flatMap(([left, right]) => wrap(right, `${indent}${left}`.padEnd(column))),
    '',
    heading(examples.length === 1 ? 'Example' : 'Examples', colour),
    ...examples.map((example) => `${indent}${example}`),
    '',
    heading('Exit codes', colour),
    ...[...exits, 'the call is wrong'].map((meaning, code) => `${indent}${code}  ${meaning}`),
  ].join('\n')
}

/** All commands, or those of one kind, a line each. */
export function overview(groups: readonly CommandGroup[], colour = false): string {
  const longest = Math.max(...groups.flatMap(({ commands }) => commands.map(({ name }) => name.length)))
  return [
    'sallyport: zero trust for AI applications',
    '',
    ...groups.flatMap(({ title, commands }) => [
      heading(title, colour),
      ...commands.map(({ name, summary }) => `${indent}sallyport ${name.padEnd(longest)}  ${summary}`),
      '',
    ]),
    'sallyport COMMAND --help explains one, with an example. sallyport --version says which version this is.',
    `Exit codes: ${exitCodes.map(([code, meaning]) => `${code}, ${meaning.split(':', 1)[0]}`).join('; ')}.`,
  ].join('\n')
}

/** An option as it is written: `-n, --lines COUNT`. */
export function optionName(name: string, { short, value, choices, type }: OptionSpec): string {
  const what = type === 'boolean' ? '' : ` ${value ?? choices?.join('|') ?? 'VALUE'}`
  return `${short === undefined ? '' : `-${short}, `}--${name}${what}`
}

/** What an option is for, and what it is unless given. */
export function optionHelp({ help, default: usual, value, choices, multiple }: OptionSpec): string {
  return [
    help,
    ...(choices !== undefined && value !== undefined ? [`one of ${choices.join(', ')}`] : []),
    ...(usual === undefined ? [] : [`${usual} unless given`]),
    ...(multiple === true ? ['may be given several times'] : []),
  ].join('; ')
}

function heading(text: string, colour: boolean): string {
  return colour ? `\u001b[1m${text}\u001b[22m` : text
}

/** Lines of at most so many columns; the first begins with something, and the others stand under it. */
function wrap(text: string, first: string): readonly string[] {
  const lines: string[] = []
  let line = first
  let isNew = true
  for (const word of text.split(/\s+/)) {
    if (!isNew && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ' '.repeat(first.length)
      isNew = true
    }
    line += isNew ? word : ` ${word}`
    isNew = false
  }
  return [...lines, line]
}
