import { dirname, resolve } from 'node:path'
import type { Anchor } from './audit-log.ts'
import { parseHead } from './checkpoint.ts'
import { maxNoteBytes, readRegular, replaceFile, systemFiles } from './file-system.ts'
import { unverifiedText } from './signed-note.ts'

/**
 * An anchor in a file. It helps as far as the file is out of reach of whoever can change the log: another disk, another
 * account, another machine's share. One file for each log.
 */
export function fileAnchor(path: string): Anchor {
  if (typeof path !== 'string' || path === '') throw new TypeError('fileAnchor: give the path of a file')
  const file = resolve(path)
  return {
    async publish(note) {
      const next = headOf(note)
      if (next === undefined) throw new TypeError('fileAnchor: this is no checkpoint')
      const known = await readRegular(file, maxNoteBytes, 'follow')
      const last = known === undefined ? undefined : headOf(known.toString())
      if (known !== undefined && last === undefined) throw new Error('The anchor holds something that is no checkpoint')
      if (last !== undefined && last.origin !== next.origin) throw new Error('The anchor belongs to another log')
      if (last !== undefined && last.size > next.size) throw new Error('The anchor remembers a larger tree')
      if (last !== undefined && last.size === next.size && last.root !== next.root) throw new Error('The anchor remembers another tree of this size')
      await systemFiles.makeFolder(dirname(file))
      await replaceFile(systemFiles, file, note)
    },
    latest: async () => (await readRegular(file, maxNoteBytes, 'follow'))?.toString(),
  }
}

function headOf(note: string): ReturnType<typeof parseHead> {
  const text = unverifiedText(note)
  return text === undefined ? undefined : parseHead(text)
}
