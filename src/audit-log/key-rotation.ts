import type { Checkpoint, Signer } from './audit-log.ts'
import { type OpenedCheckpoint, openCheckpoint, parseHead } from './checkpoint.ts'
import { formatVerifierKey, openNote, parseVerifierKey, signNote, unverifiedText, type VerifierKey } from './signed-note.ts'

/**
 * The word of a log's key that another one follows it: for a tree of that size and root, and for what comes after. It stands
 * in the log as the first entry under the new key, and in the file `key-rotations` for whoever begins to verify.
 */
export interface KeyRotation {
  /** How many entries the key that is followed may sign at most. */
  readonly size: number
  /** The root of their tree, in base64. */
  readonly root: string
  /** The key that follows. */
  readonly next: VerifierKey
  /** The signed note that says so. */
  readonly note: string
}

const title = 'sallyport key rotation v1'

/** Where rotations are listed inside a log. */
export const rotationsFile = 'key-rotations'
/** Bytes of that file at most. */
export const maxRotationsBytes: number = 1024 * 1024

/** Says with a log's key that another one follows. */
export async function endorseKey(
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  next: VerifierKey,
  key: VerifierKey,
  signer: Signer,
): Promise<string> {
  return signNote(`${title}\n${key.name}\n${size}\n${root}\n${formatVerifierKey(key)}\n${formatVerifierKey(next)}\n`, key, signer)
}

/** Reads a rotation that this key signed; `undefined` for anything else. */
export async function openRotation(note: string, key: VerifierKey): Promise<KeyRotation | undefined> {
  const opened = await openNote(note, key)
  if ('refused' in opened) return undefined
  const said = await rotationIn(opened.text, note)
  return said !== undefined && said.next.name === key.name && said.from === formatVerifierKey(key) ? said : undefined
}

/** What a rotation says, not verified. */
export async function unverifiedRotation(note: string): Promise<(KeyRotation & { readonly from: string }) | undefined> {
  const text = unverifiedText(note)
  return text === undefined ? undefined : rotationIn(text, note)
}

async function rotationIn(text: string, note: string): Promise<(KeyRotation & { readonly from: string }) | undefined> {
  const [first, origin, size, root, from = '', next = '', ...rest] = text.split('\n')
  if (first !== title || rest.length !== 1) return undefined
  const head = parseHead(`${origin}\n${size}\n${root}\n`)
  const key = await parseVerifierKey(next).catch(() => undefined)
  return head === undefined || key === undefined || key.name !== origin ? undefined : { size: head.size, root: head.root, next: key, from, note }
}

/** The notes in a file of rotations, not verified; `undefined` for a file that is none. */
export function rotationsIn(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return []
  try {
    const notes: unknown = JSON.parse(text)
    return Array.isArray(notes) && notes.length <= 1_000 && notes.every((note) => typeof note === 'string') ? notes : undefined
  } catch {
    return undefined
  }
}

/** The keys of a log: one, and those that followed it. */
export class KeyChain {
  readonly #first: VerifierKey
  readonly #keys: readonly VerifierKey[]
  /** In order: each key but the last one signed one. */
  readonly rotations: readonly KeyRotation[]

  private constructor(first: VerifierKey, rotations: readonly KeyRotation[]) {
    this.#first = first
    this.#keys = [first, ...rotations.map(({ next }) => next)]
    this.rotations = rotations
  }

  /** Follows the word of each key to the next one. What none of them signed is passed over: it is from before the first one, or nobody's. */
  static async follow(key: VerifierKey, notes: readonly string[]): Promise<KeyChain> {
    const rotations: KeyRotation[] = []
    let current = key
    for (const note of notes) {
      const rotation = await openRotation(note, current)
      if (rotation === undefined || rotation.size < (rotations.at(-1)?.size ?? 0)) continue
      rotations.push(rotation)
      current = rotation.next
    }
    return new KeyChain(key, rotations)
  }

  /** The key that signs now. */
  get current(): VerifierKey {
    return this.rotations.at(-1)?.next ?? this.#first
  }

  /** Opens a checkpoint that one of the keys signed, for a size for which it was the log's. */
  async open(note: string): Promise<OpenedCheckpoint> {
    let refused: OpenedCheckpoint = { problem: 'key_unknown' }
    for (let index = this.#keys.length - 1; index >= 0; index--) {
      const key = this.#keys[index]
      if (key === undefined) continue
      const opened = await openCheckpoint(note, key)
      if ('problem' in opened) {
        if (opened.problem !== 'key_unknown') refused = opened
        continue
      }
      const { size } = opened.checkpoint
      if (size >= (this.rotations[index - 1]?.size ?? 0) && size <= (this.rotations[index]?.size ?? Infinity)) return opened
    }
    return refused
  }
}
