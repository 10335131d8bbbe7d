import { templates } from './templates.ts'
import { secondTemplates } from './second-templates.ts'
import { secondInnocentLike, secondSecretLike } from './second-values.ts'
import { Dice, innocentLike, secretLike } from './values.ts'

/** A text, and what in it must not be seen. */
export interface Labelled {
  readonly kind: string
  readonly text: string
  readonly labels: readonly { readonly type: string; readonly start: number; readonly end: number }[]
}

const types: Readonly<Record<string, string>> = {
  PASSWORD: 'SECRET',
  COORDINATE: 'COORDINATES',
  PHONE_PLAIN: 'PHONE',
  US_SSN_PLAIN: 'US_SSN',
  US_SSN_GROUPED: 'US_SSN',
  CIDR: 'IP_ADDRESS',
}

/** Where the values come from that are filled in. */
interface Source {
  secret(dice: Dice, type: string): string
  innocent(dice: Dice, kind: string): string | undefined
}

/** Each template several times with other values; the same texts for the same seed. */
export function corpus(seed = 1, rounds = 6): Labelled[] {
  return filled(templates, { secret: secretLike, innocent: innocentLike }, seed, rounds)
}

/** Texts and values of another kind, written after the detectors and apart from the first. */
export function secondCorpus(seed = 2, rounds = 6): Labelled[] {
  return filled(secondTemplates, { secret: secondSecretLike, innocent: secondInnocentLike }, seed, rounds)
}

function filled(all: Readonly<Record<string, readonly string[]>>, source: Source, seed: number, rounds: number): Labelled[] {
  const dice = new Dice(seed)
  const texts: Labelled[] = []
  for (let round = 0; round < rounds; round++)
    for (const [kind, list] of Object.entries(all)) for (const template of list) texts.push(fill(dice, source, kind, template))
  return texts
}

function fill(dice: Dice, source: Source, kind: string, template: string): Labelled {
  let text = ''
  let from = 0
  const labels: { type: string; start: number; end: number }[] = []
  for (const match of template.matchAll(/\{([A-Z][A-Z0-9_]+)\}|<([a-z\d]+)>/g)) {
    const [place, type, innocent] = match
    // What is no place, as ${NAME} or <td>, stays.
    const isVariable = type !== undefined && template.charAt(match.index - 1) === '$'
    const value = isVariable ? place : type !== undefined ? source.secret(dice, type) : (source.innocent(dice, innocent ?? '') ?? place)
    text += template.slice(from, match.index)
    from = match.index + place.length
    if (type !== undefined && !isVariable) labels.push({ type: types[type] ?? type, start: text.length, end: text.length + value.length })
    text += value
  }
  return { kind, text: text + template.slice(from), labels }
}
