import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { KeyChain, maxRotationsBytes, rotationsFile, rotationsIn } from './key-rotation.ts'
import type { VerifierKey } from './signed-note.ts'

/** The keys of a log in a folder, from one that is known on. A damaged list of rotations is none: then only that key counts. */
export async function readKeyChain(files: FileSystem, directory: string, key: VerifierKey): Promise<KeyChain> {
  const text = await files.read(join(directory, rotationsFile), maxRotationsBytes)
  return KeyChain.follow(key, rotationsIn(text?.toString()) ?? [])
}
