import type { Identifier } from '../identifier.ts'
import * as asiaPacific from './asia-pacific.ts'
import * as british from './british.ts'
import * as continental from './continental.ts'
import * as devices from './devices.ts'
import * as latinAmerica from './latin-america.ts'
import * as northAmerica from './north-america.ts'

/** The names of all detectors of identifiers. */
export type IdentifierName =
  | keyof typeof northAmerica
  | keyof typeof british
  | keyof typeof continental
  | keyof typeof asiaPacific
  | keyof typeof latinAmerica
  | keyof typeof devices

/** Every identifier that is described here, by the name of its detector. */
export const identifiers: Readonly<Record<IdentifierName, Identifier>> = {
  ...northAmerica,
  ...british,
  ...continental,
  ...asiaPacific,
  ...latinAmerica,
  ...devices,
}
