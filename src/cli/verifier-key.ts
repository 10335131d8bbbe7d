import { createPublicKey } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { parseHead } from '../audit-log/checkpoint.ts'
import { rawPublicKey } from '../audit-log/file-signer.ts'
import { maxNoteBytes, readRegular } from '../audit-log/file-system.ts'
import { formatVerifierKey, parseVerifierKey, unverifiedText, verifierKey } from '../audit-log/signed-note.ts'
import { UsageError } from './io.ts'

/** A log's verifier key, and whether it came from outside the log's folder. */
export interface FoundKey {
  readonly key: string
  readonly pinned: boolean
}

/**
 * The key that an option names: a verifier key itself, a file that holds one, or a key in PEM, private or public, which
 * verifies a log of any name. Without an option: the one that stands in the log's own folder, which proves nothing, also where
 * an option names it.
 */
export async function findVerifierKey(directory: string, option: string | undefined): Promise<FoundKey> {
  if (option === undefined) {
    const own = await readRegular(join(directory, 'verifier-key'), maxNoteBytes).catch(() => undefined)
    if (own === undefined) throw new UsageError(`there is no key in ${directory}: give one with --key`)
    return { key: await checked(own.toString()), pinned: false }
  }
  const literal = await parseVerifierKey(option).catch(() => undefined)
  if (literal !== undefined) return { key: formatVerifierKey(literal), pinned: true }
  const content = await readFile(option, 'utf8').catch(() => undefined)
  if (content === undefined) throw new UsageError(`'${option}' is no verifier key and no file that can be read`)
  const pinned = !(await isInside(directory, option))
  if (!content.includes('-----BEGIN')) return { key: await checked(content), pinned }
  const note = await readRegular(join(directory, 'checkpoint'), maxNoteBytes).catch(() => undefined)
  const head = parseHead(unverifiedText(note?.toString() ?? '') ?? '')
  return { key: formatVerifierKey(await verifierKey(head?.origin ?? 'unknown', publicKeyIn(content, option))), pinned }
}

// Whoever can write a log anew can write such a file as well. Links are followed: what counts is where it lies.
async function isInside(directory: string, path: string): Promise<boolean> {
  const folder = await realpath(directory).catch(() => undefined)
  return folder !== undefined && (await realpath(path)).startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

async function checked(text: string): Promise<string> {
  try {
    return formatVerifierKey(await parseVerifierKey(text))
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'this is no verifier key', { cause: error })
  }
}

function publicKeyIn(pem: string, path: string): Uint8Array {
  try {
    // Of a private key it takes the public half.
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return rawPublicKey(key)
  } catch {
    // The parser's own message may show parts of the file.
  }
  throw new UsageError(`'${path}' holds no Ed25519 key`)
}
