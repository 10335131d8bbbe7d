// Sentences of pages that claim something, and the tests that show it. Behind such an item stands, where no reader sees it:
//   <!-- shown by test/policy/combine.test.ts: hands on the signal -->
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

/** Pages of which every item of a list that claims something is shown by a test. */
const whole = [
  'docs/bound-tokens.md',
  'docs/delegation.md',
  'docs/limits.md',
  'docs/mcp.md',
  'docs/own-control.md',
  'docs/own-detector.md',
  'docs/own-evaluator.md',
  'docs/own-key-provider.md',
  'docs/retrieval.md',
  'docs/revocation.md',
  'docs/server.md',
  'docs/tools.md',
  'docs/vendor-store.md',
  'docs/verify-callers.md',
]

const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [join('docs', name)] : []))]
const claims = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/<!-- shown by (.*?) -->/g)].map(([, claim = '']) => ({ page, claim })),
)

describe('what pages claim', () => {
  test('is shown by tests that there are, under the names that they have', () => {
    assert.ok(claims.length > 40)
    for (const { page, claim } of claims) {
      const [, path, name] = /^(test\/[\w./-]+\.test\.ts): (.+)$/.exec(claim) ?? []
      assert.ok(path !== undefined && name !== undefined, `${page}: ${claim}`)
      const text = readFileSync(path, 'utf8').replaceAll("\\'", "'")
      assert.ok(/\b(?:test|it|describe)\(\s*['"`]/.test(text) && text.includes(name), `${page}: there is no test '${name}' in ${path}`)
    }
  })

  for (const page of whole)
    test(`is shown, item by item: ${page}`, () => {
      const prose = readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')
      const items = prose.split(/\n(?=- |\n)/).filter((part) => part.startsWith('- '))
      assert.ok(items.length >= 3)
      for (const item of items) assert.ok(item.includes('<!-- shown by '), item)
    })
})
