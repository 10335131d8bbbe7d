const width = 24

/** How far something has come, as a line for a terminal. */
export function progressBar(what: string, done: number, total: number): string {
  const part = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const filled = Math.floor(part * width)
  const bar = `${'='.repeat(filled)}${filled < width ? '>' : ''}${' '.repeat(Math.max(0, width - filled - 1))}`
  return `${what} [${bar}] ${Math.floor(part * 100)} %  ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`
}
