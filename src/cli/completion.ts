import { type Command, command } from './command.ts'
import { UsageError } from './io.ts'

const shells = ['bash', 'zsh', 'fish'] as const

/** `sallyport completion`: what a shell needs to complete these commands, and itself. */
export function completion(commands: () => readonly Command[]): Command {
  const write = { bash, zsh, fish }
  return command({
    name: 'completion',
    summary: 'writes what bash, zsh or fish needs to complete this command',
    operands: ['SHELL'],
    missing: `give one of ${shells.join(', ')}`,
    about: `Writes a script by which a shell completes commands, options and their values; files where one is wanted. SHELL is ${shells.join(', ')}.`,
    options: {},
    examples: [
      'source <(sallyport completion bash)        # in ~/.bashrc',
      'source <(sallyport completion zsh)         # in ~/.zshrc, after compinit',
      'sallyport completion fish > ~/.config/fish/completions/sallyport.fish',
    ],
    exits: ['it was written', 'it could not be written'],
    run: async (_values, [shell], io) => {
      const known = shells.find((each) => each === shell)
      if (known === undefined) throw new UsageError(`give one of ${shells.join(', ')}, not '${shell}'`)
      io.out(write[known](commands()))
      return 0
    },
  })
}

/** The words that may follow a command by these names: second words, or options. */
interface Words {
  /** First words, each with its second words; none for a command of one word. */
  readonly families: ReadonlyMap<string, readonly string[]>
  readonly all: readonly Command[]
}

function wordsOf(all: readonly Command[]): Words {
  const families = new Map<string, string[]>()
  for (const { name } of all) {
    const [first = '', second] = name.split(' ')
    families.set(first, [...(families.get(first) ?? []), ...(second === undefined ? [] : [second])])
  }
  return { families, all }
}

const optionsOf = ({ options }: Command): string => [...Object.keys(options), 'help'].map((name) => `--${name}`).join(' ')
const operandsOf = ({ name }: Command): string => (name === 'completion' ? shells.join(' ') : '')

function choicesOf({ options }: Command): readonly (readonly [option: string, choices: string])[] {
  return Object.entries(options).flatMap(([name, { choices }]) => (choices === undefined ? [] : [[`--${name}`, choices.join(' ')] as const]))
}

function bash(commands: readonly Command[]): string {
  const { families, all } = wordsOf(commands)
  const second = [...families].filter(([, words]) => words.length > 0).map(([first, words]) => `    ${first}) words='${words.join(' ')}' ;;`)
  const cases = all.map((each) => {
    const choices = choicesOf(each).map(([option, words]) => `${option}) words='${words}'; only=1 ;; `)
    return `    '${each.name}') options='${optionsOf(each)}'; words='${operandsOf(each)}'; case $previous in ${choices.join('')}esac ;;`
  })
  return `# sallyport: completion for bash
_sallyport() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local first=\${COMP_WORDS[1]} second=\${COMP_WORDS[2]} words='' options='' only='' name
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${[...families.keys(), 'help'].join(' ')} --help --version' -- "$current"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ]; then
    case $first in
${second.join('\n')}
    esac
    if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words --help" -- "$current")); return; fi
  fi
  name="$first"
  case " ${[...families]
    .filter(([, words]) => words.length > 0)
    .map(([first]) => first)
    .join(' ')} " in *" $first "*) name="$first $second" ;; esac
  case $name in
${cases.join('\n')}
  esac
  if [ -n "$only" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -o filenames -F _sallyport sallyport`
}

function zsh(commands: readonly Command[]): string {
  const { families, all } = wordsOf(commands)
  const summaries = (first: string, words: readonly string[]): string =>
    words.map((word) => zshText(`${word}:${all.find(({ name }) => name === `${first} ${word}`)?.summary ?? ''}`)).join(' ')
  const firsts = [...families].map(([first, words]) =>
    zshText(`${first}:${words.length === 0 ? (all.find(({ name }) => name === first)?.summary ?? '') : words.join(', ')}`),
  )
  const second = [...families]
    .filter(([, words]) => words.length > 0)
    .map(([first, words]) => `    ${first}) words=(${summaries(first, words)}); _describe command words; return ;;`)
  const cases = all.map((each) => {
    const flags = Object.entries(each.options).flatMap(([name, { type, help, choices, multiple, short }]) => {
      const action = type === 'boolean' ? '' : choices === undefined ? ':value:_files' : `:value:(${choices.join(' ')})`
      const names = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]
      return names.map((flag) => zshText(`${multiple === true ? '*' : ''}${flag}[${help.replaceAll(/[[\]:]/g, ' ')}]${action}`))
    })
    const rest = each.name === 'completion' ? zshText(`*:shell:(${shells.join(' ')})`) : zshText('*:file:_files')
    return `    '${each.name}') _arguments ${[...flags, zshText('--help[shows how it is called]'), rest].join(' ')} ;;`
  })
  return `#compdef sallyport
# sallyport: completion for zsh
_sallyport() {
  local -a words_here
  local first=\${words[2]} second=\${words[3]} name
  if (( CURRENT == 2 )); then
    local -a commands=(${firsts.join(' ')})
    _describe command commands
    return
  fi
  if (( CURRENT == 3 )); then
    local -a found
    case $first in
${second.join('\n').replaceAll('words=(', 'found=(').replaceAll('_describe command words', '_describe command found')}
    esac
  fi
  name=$first
  case " ${[...families]
    .filter(([, words]) => words.length > 0)
    .map(([first]) => first)
    .join(' ')} " in *" $first "*) name="$first $second"; shift 2 words; (( CURRENT -= 2 )) ;; *) shift words; (( CURRENT -= 1 )) ;; esac
  case $name in
${cases.join('\n')}
  esac
}
compdef _sallyport sallyport`
}

function zshText(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function fish(commands: readonly Command[]): string {
  const { families, all } = wordsOf(commands)
  const lines = [...families].map(([first, words]) => {
    const what = words.length === 0 ? (all.find(({ name }) => name === first)?.summary ?? '') : words.join(', ')
    return `complete -c sallyport -n __fish_use_subcommand -f -a ${first} -d ${fishText(what)}`
  })
  for (const [first, words] of families)
    for (const word of words) {
      const summary = all.find(({ name }) => name === `${first} ${word}`)?.summary ?? ''
      lines.push(`complete -c sallyport -n ${fishText(`__sallyport_after ${first}`)} -f -a ${word} -d ${fishText(summary)}`)
    }
  for (const each of all) {
    const when = fishText(`__sallyport_in ${each.name}`)
    if (each.name === 'completion') lines.push(`complete -c sallyport -n ${when} -f -a ${fishText(shells.join(' '))}`)
    for (const [name, { type, help, choices, short }] of Object.entries(each.options)) {
      const letter = short === undefined ? '' : ` -s ${short}`
      const takes = type === 'boolean' ? '' : choices === undefined ? ' -r -F' : ` -x -a ${fishText(choices.join(' '))}`
      lines.push(`complete -c sallyport -n ${when} -l ${name}${letter}${takes} -d ${fishText(help)}`)
    }
    lines.push(`complete -c sallyport -n ${when} -l help -d 'shows how it is called'`)
  }
  return `# sallyport: completion for fish
function __sallyport_after
  set -l words (commandline -opc)
  test (count $words) -eq 2; and test "$words[2]" = "$argv[1]"
end
function __sallyport_in
  set -l words (commandline -opc)
  test (count $words) -gt (count $argv); and test "$words[2..(math (count $argv) + 1)]" = "$argv"
end
${lines.join('\n')}`
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
