import { isRepeated, weighted } from '../check-digits.ts'
import type { Identifier } from '../identifier.ts'

/** The check digit by modulus 11 as the Brazilian revenue computes it: what would be 10 or 11 is 0. */
function receita(text: string, weights: readonly number[]): boolean {
  const rest = weighted(text, weights) % 11
  return Number(text.charAt(weights.length)) === (rest < 2 ? 0 : 11 - rest)
}

/** Brazilian taxpayer number of persons. */
export const brCpf: Identifier = {
  type: 'BR_CPF',
  forms: '###.###.###-##|### ### ### ##|#########-##|###########',
  grouped: 0.85,
  words: 'cpf|cadastro de pessoas fisicas|cpf mf|contribuinte',
  isValid: (text) => !isRepeated(text) && receita(text, [10, 9, 8, 7, 6, 5, 4, 3, 2]) && receita(text, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]),
}

/** Brazilian taxpayer number of companies. */
export const brCnpj: Identifier = {
  type: 'BR_CNPJ',
  forms: '##.###.###/####-##|##############|########/####-##',
  grouped: 0.9,
  plain: 0.6,
  words: 'cnpj|cadastro nacional da pessoa juridica|cadastro nacional',
  isValid: (text) =>
    !isRepeated(text) && receita(text, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) && receita(text, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]),
}

/** Argentine tax number: kind, eight digits, modulus 11. */
export const arCuit: Identifier = {
  type: 'AR_CUIT',
  forms: '##-########-#|###########',
  grouped: 0.75,
  words: 'cuit|cuil|clave unica de identificacion',
  isValid(text) {
    const check = 11 - (weighted(text, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)
    return /^(?:2[0347]|3[034])/.test(text) && Number(text.charAt(10)) === (check === 11 ? 0 : check === 10 ? 9 : check)
  },
}

/** Chilean identity number: seven or eight digits, modulus 11 with K. */
export const clRut: Identifier = {
  type: 'CL_RUT',
  forms: '##.###.###-#|##.###.###-A|#.###.###-#|#.###.###-A|########-#|########-A',
  grouped: 0.65,
  words: 'rut|run|rol unico tributario|rol unico nacional',
  isValid(text) {
    const digits = text.slice(0, -1).padStart(8, '0')
    const check = 11 - (weighted(digits, [3, 2, 7, 6, 5, 4, 3, 2]) % 11)
    return text.at(-1) === (check === 11 ? '0' : check === 10 ? 'K' : String(check))
  },
}
