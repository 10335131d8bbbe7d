import { readFileSync, rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { cleanFolder, packedPackage } from './clean-folder.ts'
import { stepsOf } from './guide.ts'

/** The guides that are followed, and what each asks its reader to have beside Node and npm. */
const guides: readonly string[] = ['docs/express.md']

let packed = ''
before(() => {
  packed = packedPackage()
})
after(() => rmSync(packed, { recursive: true, force: true }))

describe('guides, followed literally in a clean folder', () => {
  for (const guide of guides)
    test(guide, async () => {
      const folder = await cleanFolder(packed)
      try {
        for (const step of stepsOf(readFileSync(guide, 'utf8'))) await folder.follow(step)
      } finally {
        await folder.close()
      }
    })
})
