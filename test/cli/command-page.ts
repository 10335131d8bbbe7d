import { writeFileSync } from 'node:fs'
import { optionHelp, optionName, usageOf, exitCodes } from '../../src/cli/help-text.ts'
import { commandGroups } from '../../src/cli/run.ts'

/** Where the page stands. */
export const pageFile: URL = new URL('../../docs/command-line.md', import.meta.url)

/** `docs/command-line.md`, made of the table of commands. */
export function commandPage(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*')
  const anchor = (name: string): string => name.replaceAll(' ', '-')
  return `# The command line

\`npx sallyport\` lists the commands; each takes \`--help\`, which says what it does, with an example and its exit codes.

${commandGroups
  .map(
    ({ title, commands }) =>
      `**${title}**\n\n${commands.map(({ name, summary }) => `- [\`sallyport ${name}\`](#sallyport-${anchor(name)}) ${summary}`).join('\n')}`,
  )
  .join('\n\n')}

## Exit codes

| code | |
| --- | --- |
${exitCodes.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')}

A command that is interrupted ends by the signal, as a shell shows it (130 for Ctrl-C).

## What is written where

- Results go to standard output; what went wrong, notes and how far long work has come go to standard error.
- With \`--json\` what goes to standard output is JSON and nothing else: one value, or one a line where a command shows records.
- There is colour, and a bar for what takes long, only on a terminal; \`NO_COLOR\` takes the colour away.
- Control characters in a log, a policy or a file are written as escapes, never as they are.

## Completion

\`\`\`sh
source <(sallyport completion bash)        # in ~/.bashrc
source <(sallyport completion zsh)         # in ~/.zshrc, after compinit
sallyport completion fish > ~/.config/fish/completions/sallyport.fish
\`\`\`

${commandGroups
  .flatMap(({ commands }) =>
    commands.map((command) => {
      const { name, about, options, examples, exits } = command
      const rows = Object.entries(options).map(
        ([option, spec]) => `| \`${optionName(option, spec).replaceAll('|', '\\|')}\` | ${cell(optionHelp(spec))} |`,
      )
      return `## sallyport ${name}

\`${usageOf(command)}\`

${cell(about)}
${rows.length === 0 ? '' : `\n| option | |\n| --- | --- |\n${rows.join('\n')}\n`}
\`\`\`sh
${examples.join('\n')}
\`\`\`

Exit 0: ${exits[0]}. 1: ${exits[1]}. 2: the call is wrong.`
    }),
  )
  .join('\n\n')}
`
}

// `npm run docs:commands` writes it.
if (process.argv[1]?.endsWith('command-page.ts')) writeFileSync(pageFile, commandPage())
