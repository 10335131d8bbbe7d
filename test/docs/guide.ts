// What a reader of a guide is told to do, in order. The marks stand behind a block's language, where no reader sees them:
//
//   ```ts title="server.ts"   a file, written whole
//   ```sh                     commands, run as they are
//   ```sh serve               a command that goes on, in a terminal of its own
//   ```sh stop                ^C in the terminal of the last of these
//   ```text                   what the commands before it print
//   ```sh elsewhere           shown, and not run: it needs what a test has not
//
// In what is printed, … stands for what differs each time: within a line for a part of it, alone on a line for any number of lines.

/** One thing that a guide tells its reader to do. */
export type Step =
  | { readonly kind: 'stop' }
  | { readonly kind: 'file'; readonly title: string; readonly content: string }
  | { readonly kind: 'run' | 'serve'; readonly commands: string; readonly shown: string | undefined }

/** What there is to do. @throws Error for a block that says something else, or that shows what nothing printed. */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = []
  for (const [, language = '', mark = '', content = ''] of markdown.matchAll(/^```(\w*)(?: ([^\n]*))?\n([\s\S]*?)^```$/gm)) {
    const title = /^title="([\w./-]+)"$/.exec(mark)?.[1]
    const last = steps.at(-1)
    if (title !== undefined) steps.push({ kind: 'file', title, content })
    else if (language === 'sh' && mark === 'elsewhere') continue
    else if (language === 'sh' && mark === 'stop' && content === '^C\n') steps.push({ kind: 'stop' })
    else if (language === 'sh' && (mark === '' || mark === 'serve'))
      steps.push({ kind: mark === 'serve' ? 'serve' : 'run', commands: content, shown: undefined })
    else if (language === 'text' && last !== undefined && 'commands' in last && last.shown === undefined)
      steps[steps.length - 1] = { ...last, shown: content }
    else if (mark !== '' || language === 'text') throw new Error(`a block that nobody can follow: ${language} ${mark}\n${content}`)
  }
  return steps
}

/** Whether that is what the guide shows. */
export function isShown(shown: string, printed: string): boolean {
  return pattern(shown).test(withoutEnd(printed))
}

function pattern(shown: string): RegExp {
  const lines = withoutEnd(shown).split('\n')
  const goesOn = lines.length > 1 && lines.at(-1) === '…'
  const parts = (goesOn ? lines.slice(0, -1) : lines).map((line, index, { length }) => {
    if (line.trim() === '…') return '(?:[^\\n]*\\n)*'
    return line.split('…').map(escaped).join('[^\\n]*') + (index === length - 1 ? '' : '\\n')
  })
  return new RegExp(`^${parts.join('')}${goesOn ? '(?:\\n[^]*)?' : ''}$`)
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function withoutEnd(text: string): string {
  return text.replaceAll('\r', '').trimEnd()
}
