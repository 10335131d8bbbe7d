import { templates } from './templates.ts'
import { Dice, innocentLike, secretLike } from './values.ts'

/** A text, and what in it must not be seen. */
export interface Labelled {
  readonly kind: string
  readonly text: string
  readonly labels: readonly { readonly type: string; readonly start: number; readonly end: number }[]
}

const types: Readonly<Record<string, string>> = { PASSWORD: 'SECRET', COORDINATE: 'COORDINATES' }

/** Each template several times with other values; the same texts for the same seed. */
export function corpus(seed = 1, rounds = 6): Labelled[] {
  const dice = new Dice(seed)
  const texts: Labelled[] = []
  for (let round = 0; round < rounds; round++)
    for (const [kind, list] of Object.entries(templates)) for (const template of list) texts.push(fill(dice, kind, template))
  return texts
}

function fill(dice: Dice, kind: string, template: string): Labelled {
  let text = ''
  let from = 0
  const labels: { type: string; start: number; end: number }[] = []
  for (const match of template.matchAll(/\{([A-Z][A-Z0-9_]+)\}|<([a-z]+)>/g)) {
    const [place, type, innocent] = match
    const value = type !== undefined ? secretLike(dice, type) : (innocentLike(dice, innocent ?? '') ?? place)
    text += template.slice(from, match.index)
    from = match.index + place.length
    if (type !== undefined) labels.push({ type: types[type] ?? type, start: text.length, end: text.length + value.length })
    text += value
  }
  return { kind, text: text + template.slice(from), labels }
}
