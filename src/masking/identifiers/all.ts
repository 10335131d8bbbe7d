import type { Identifier } from '../identifier.ts'
import * as asiaPacific from './asia-pacific.ts'
import * as british from './british.ts'
import * as continental from './continental.ts'
import * as devices from './devices.ts'
import * as latinAmerica from './latin-america.ts'
import * as northAmerica from './north-america.ts'

/** The names of all detectors of identifiers. */
export type IdentifierName =
  | 'usSsn'
  | 'usItin'
  | 'usEin'
  | 'caSin'
  | 'mxCurp'
  | 'ukNino'
  | 'ukNhs'
  | 'iePps'
  | 'deTaxId'
  | 'esNif'
  | 'esNie'
  | 'itFiscalCode'
  | 'frNir'
  | 'plPesel'
  | 'plNip'
  | 'nlBsn'
  | 'beNationalNumber'
  | 'chAhv'
  | 'sePersonalNumber'
  | 'ptNif'
  | 'hrOib'
  | 'trIdentityNumber'
  | 'auTfn'
  | 'auMedicare'
  | 'inAadhaar'
  | 'inPan'
  | 'cnResidentId'
  | 'jpMyNumber'
  | 'krResidentNumber'
  | 'sgNric'
  | 'zaId'
  | 'brCpf'
  | 'brCnpj'
  | 'arCuit'
  | 'clRut'
  | 'imei'

/** Every identifier that is described here, by the name of its detector. */
export const identifiers: Readonly<Record<IdentifierName, Identifier>> = {
  ...northAmerica,
  ...british,
  ...continental,
  ...asiaPacific,
  ...latinAmerica,
  ...devices,
}
