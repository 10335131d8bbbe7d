import { open, rm } from 'node:fs/promises'

/** Writes a file that there was not. @returns false where there is one, which stays as it is. */
export async function writeNew(path: string, text: string): Promise<boolean> {
  const file = await open(path, 'wx').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined
    throw error
  })
  if (file === undefined) return false
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    // Half a policy is worse than none.
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return true
}
