import { stat } from 'node:fs/promises'
import type { AnonymizePlan } from '../anonymize/plan.ts'
import type { Detect, Detector } from '../masking/detector.ts'
import { detectors } from '../masking/detectors.ts'
import type { MaskMode } from '../masking/modes.ts'
import { UsageError } from './io.ts'
import { readBytes, readJson } from './json-file.ts'

/** How a file is read and written. */
export type MaskFormat = 'text' | 'jsonl' | 'csv' | 'tsv'

export const formats: readonly MaskFormat[] = ['text', 'jsonl', 'csv', 'tsv']
export const modes: readonly MaskMode[] = ['redact', 'partial', 'hash', 'pseudonym', 'surrogate', 'block']

/** The format that is named, or that of the file's name. @throws UsageError */
export function formatOf(path: string, named: string | undefined): MaskFormat {
  if (named !== undefined) {
    const format = formats.find((each) => each === named)
    if (format === undefined) throw new UsageError(`--format must be one of ${formats.join(', ')}`)
    return format
  }
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase()
  // One text could not be written back: a number that is masked is none.
  if (ending === 'json') throw new UsageError('a JSON file is neither lines nor text: say with --format which it is to be read as')
  if (ending === 'ndjson') return 'jsonl'
  return formats.find((each) => each === ending) ?? 'text'
}

/** @throws UsageError */
export function modeOf(named: string): MaskMode {
  const mode = modes.find((each) => each === named)
  if (mode === undefined) throw new UsageError(`--mode must be one of ${modes.join(', ')}`)
  return mode
}

/** Detectors by name: `pii`, `secrets`, `all`, `country:de`, `email`, ... @throws UsageError */
export function detectorsOf(names: string): Detect {
  return names.split(',').map((name) => {
    const found = name.startsWith('country:') ? country(name.slice('country:'.length)) : member(name)
    if (found === undefined)
      throw new UsageError(`--detect: there is no ${JSON.stringify(name)}: it takes all, pii, secrets, country:CODE, or names such as email,card`)
    return found
  })
}

function country(code: string): readonly Detector[] | undefined {
  try {
    return detectors.country(code)
  } catch {
    return undefined
  }
}

function member(name: string): Detector | readonly Detector[] | undefined {
  const found: unknown =
    Object.hasOwn(detectors, name) && name !== 'country' ? Object.entries(detectors).find(([known]) => known === name)?.[1] : undefined
  return found as Detector | readonly Detector[] | undefined
}

/** A key: the bytes of a file that only its owner can read. @throws UsageError */
export async function readKey(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path)
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0)
    throw new UsageError(`the key file '${path}' can be read or changed by others: run chmod 600 on it`)
  if (bytes.length < 32) throw new UsageError(`the key file '${path}' has less than 32 bytes: make one with head -c 32 /dev/urandom`)
  return new Uint8Array(bytes)
}

/** A plan as it stands in a file; whether it is one is for `anonymize` to say. @throws UsageError and ContentError */
export async function readPlan(path: string): Promise<AnonymizePlan> {
  return (await readJson(path)) as AnonymizePlan
}
