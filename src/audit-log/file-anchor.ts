import { dirname, resolve } from 'node:path'
import { anchoredHead, headToAnchor, requireLater } from './anchored-head.ts'
import type { Anchor } from './audit-log.ts'
import { maxNoteBytes, readRegular, replaceFile, systemFiles } from './file-system.ts'

/**
 * An anchor in a file. It helps as far as the file is out of reach of whoever can change the log: another disk, another
 * account, another machine's share. One file for each log.
 */
export function fileAnchor(path: string): Anchor {
  if (typeof path !== 'string' || path === '') throw new TypeError('fileAnchor: give the path of a file')
  const file = resolve(path)
  return {
    async publish(note) {
      const next = headToAnchor(note)
      const known = await readRegular(file, maxNoteBytes, 'follow')
      const last = known === undefined ? undefined : anchoredHead(known.toString())
      if (known !== undefined && last === undefined) throw new Error('The anchor holds something that is no checkpoint')
      if (last !== undefined) requireLater(last, next)
      await systemFiles.makeFolder(dirname(file))
      await replaceFile(systemFiles, file, note)
    },
    latest: async () => (await readRegular(file, maxNoteBytes, 'follow'))?.toString(),
  }
}
