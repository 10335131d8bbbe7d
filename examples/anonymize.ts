// Evaluation data in which nobody is found: columns by their mode, free text without what other columns say, small classes left out.
import assert from 'node:assert/strict'
import { type AnonymizePlan, anonymize, detectors, readCsv, writeJsonLines } from 'sallyport'

const table = `name,mail,age,postcode,question
"Lovelace, Ada",ada@example.com,36,94110,"I am Ada, call me at +49 170 1234567."
Bob,bob@example.com,31,94117,Why was my card 4111 1111 1111 1111 refused?
Eve,eve@example.com,80,10115,Where is my order?
`

const plan: AnonymizePlan = {
  columns: {
    name: 'drop',
    mail: { mode: 'pseudonym', type: 'EMAIL' },
    age: { mode: 'generalize', to: { range: 10 } },
    postcode: { mode: 'generalize', to: { prefix: 2 } },
    question: 'mask',
  },
  quasiIdentifiers: ['age', 'postcode'],
  k: 2,
}

const out = anonymize(() => readCsv([table]), plan, { detect: detectors.all, key: crypto.getRandomValues(new Uint8Array(32)) })
let written = ''
for await (const line of writeJsonLines(out)) written += line

for (const value of ['Ada', 'Bob', '@', '4111', '94110', '36', 'Eve']) assert.ok(!written.includes(value), value)
assert.match(written, /"age":"\[30, 40\)","postcode":"94\*","question":"I am \[NAME\], call me at \[PHONE\]\."/)
assert.match(written, /"mail":"EMAIL[0-9a-z]{16}"/)

// Whoever is alone in a class is left out, and the report tells how many and nothing else.
const { rows, anonymity } = out.report()
assert.deepEqual(rows, { in: 3, out: 2, suppressed: 1 })
assert.deepEqual(anonymity?.k, { wanted: 2, before: 1, after: 2 })

// A column that nobody planned for refuses the data set.
await assert.rejects(async () => {
  for await (const _ of anonymize([{ name: 'Ada', salary: 1 }], { columns: { name: 'drop' } }));
})

console.log('anonymize: of three people two are left, and neither is found')
