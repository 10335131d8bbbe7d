import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

const page = readFileSync('docs/threat-model.md', 'utf8')
const sections = page.split(/^## /m).slice(1)
const about = sections.filter((section) => section.includes('**Impossible**'))
const testsIn = (text: string): readonly string[] => [...text.matchAll(/\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g)].map(([, path]) => path ?? '')

describe('the threat model', () => {
  test('says of each part what is impossible and what is out of reach', () => {
    assert.ok(about.length >= 10)
    for (const section of about) assert.match(section, /^- \*\*Out of reach\*\*/m)
  })

  for (const section of about)
    test(`shows by a test each line of: ${section.split('\n', 1)[0]}`, () => {
      for (const line of section.split('\n').filter((each) => each.startsWith('- **Impossible**'))) {
        const named = testsIn(line)
        assert.notEqual(named.length, 0, line)
        for (const path of named) assert.ok(existsSync(path), path)
      }
    })

  test('has to do with every attack that there is a suite for', () => {
    const named = new Set(testsIn(page))
    const attacks = new Set(readdirSync('test/conformance').flatMap((file) => /^a\d\d(?=-.*\.test\.ts$)/.exec(file)?.[0] ?? []))
    assert.equal(attacks.size, 30)
    for (const attack of attacks)
      assert.ok(
        [...named].some((path) => path.startsWith(join('test/conformance', attack))),
        attack,
      )
  })

  test('names every control', () => {
    for (const file of readdirSync('src/controls')) {
      const name = file.replace('.ts', '').replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      if (name !== 'unaudited') assert.ok(page.includes(`\`${name}\``), name)
    }
  })
})
