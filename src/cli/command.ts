import { parseArgs } from 'node:util'
import { nearest } from './did-you-mean.ts'
import { type ExitCode, type Io, plain, UsageError } from './io.ts'

/** One option of a command: how it is read, how the help explains it, what a shell completes. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly help: string
  /** What the value is called in the help: `FILE`. */
  readonly value?: string
  /** The values that there are, where they are few. */
  readonly choices?: readonly string[]
  /** One letter: `-n`. */
  readonly short?: string
  readonly default?: string
  /** It may be given several times. */
  readonly multiple?: true
}

/** Options by their names, without the dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

type ValueOf<Spec> = Spec extends { readonly type: 'boolean' }
  ? boolean
  : Spec extends { readonly multiple: true }
    ? readonly string[] | undefined
    : Spec extends { readonly default: string }
      ? string
      : string | undefined

/** What was given for these options. */
export type Values<Specs extends OptionSpecs> = { readonly [Name in keyof Specs]: ValueOf<Specs[Name]> }

/** One command of `sallyport`: the help, the shells' completion, the page of documentation and the reading of its arguments are made of this. */
export interface CommandSpec<Specs extends OptionSpecs, Operands extends readonly string[]> {
  /** One word or two. */
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What comes without dashes, all of it needed: `DIR`, `FILE`. */
  readonly operands: Operands
  /** What is said where these are not given: `give the folder of one log`. */
  readonly missing: string
  /** What it does, in paragraphs. */
  readonly about: string
  readonly options: Specs
  /** Calls as one would type them. */
  readonly examples: readonly string[]
  /** When it ends with 0, and when with 1. */
  readonly exits: readonly [holds: string, not: string]
  run(values: Values<Specs>, operands: { readonly [Index in keyof Operands]: string }, io: Io): Promise<ExitCode>
}

/** A command, whatever its options are. */
export interface Command extends Omit<CommandSpec<OptionSpecs, readonly string[]>, 'run'> {
  /** @throws UsageError for arguments that it does not take. */
  run(args: readonly string[], io: Io): Promise<ExitCode>
}

/** Makes a command that reads its arguments by what it says of them. */
export function command<const Specs extends OptionSpecs, const Operands extends readonly string[]>(spec: CommandSpec<Specs, Operands>): Command {
  return {
    ...spec,
    run(args, io) {
      const { values, operands } = readArguments(args, spec)
      // By what was just read: each option as its kind says, and as many operands as there are names.
      return spec.run(values as Values<Specs>, operands as { readonly [Index in keyof Operands]: string }, io)
    },
  }
}

type Given = Record<string, boolean | string | string[] | undefined>

function readArguments(
  args: readonly string[],
  { options, operands: names, missing }: Pick<Command, 'options' | 'operands' | 'missing'>,
): { readonly values: Given; readonly operands: readonly string[] } {
  const kinds = Object.fromEntries(Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short !== undefined && { short }) }]))
  // Not strictly, so that what is wrong can be said in our words.
  const { tokens } = parseArgs({ args: [...args], options: kinds, allowPositionals: true, strict: false, tokens: true })
  const values: Given = Object.fromEntries(Object.entries(options).map(([name, spec]) => [name, spec.type === 'boolean' ? false : spec.default]))
  const given = new Set<string>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const spec = Object.hasOwn(options, name) ? options[name] : undefined
    if (spec === undefined) throw new UsageError(`there is no option ${rawName}${nearest(name, Object.keys(options), (word) => `--${word}`)}`)
    if (spec.type === 'boolean') {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`)
      values[name] = true
      continue
    }
    const wanted = spec.value ?? spec.choices?.join(' | ') ?? 'a value'
    if (value === undefined) throw new UsageError(`${rawName} needs a value: ${wanted}`)
    if (inlineValue === false && value.length > 1 && value.startsWith('-'))
      throw new UsageError(
        `${rawName} needs a value: ${wanted}. If '${value}' is meant, write ${rawName.startsWith('--') ? `${rawName}=` : rawName}${value}`,
      )
    if (spec.choices !== undefined && !spec.choices.includes(value))
      throw new UsageError(`${rawName} must be one of ${spec.choices.join(', ')}${nearest(value, spec.choices)}`)
    if (spec.multiple === true) values[name] = [...((values[name] as string[] | undefined) ?? []), value]
    else if (given.has(name)) throw new UsageError(`${rawName} was given twice`)
    else values[name] = value
    given.add(name)
  }
  if (operands.length > names.length) throw new UsageError(`${missing}: '${plain(operands[names.length] ?? '')}' is one too many`)
  if (operands.length < names.length) throw new UsageError(missing)
  return { values, operands }
}
