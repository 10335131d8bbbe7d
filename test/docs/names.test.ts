import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { main } from '../../src/cli/run.ts'

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const block = /^```[\s\S]*?^```$/gm
const names = (text: string): ReadonlySet<string> => new Set(text.match(/[A-Za-z_$][\w$]*/g))
const sources = names(
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join('src', path), 'utf8'))
    .join('\n'),
)

// Of packages that pages speak of, and in no code here.
const foreign = new Set(
  'streamText toolRunner generateContentStream fetchOptions PermissionDeniedError MistralError APICallError retryOptions authRequired claimEquals standardHeaders tokenSigningAlg keyGenerator skipFailedRequests passOnStoreError RateLimit RunnableLambda createMcpHandler makeServer'.split(
    ' ',
  ),
)

describe('names on pages', () => {
  for (const page of pages)
    test(`${page}: whatever is called so in a sentence is called so in the code`, () => {
      const text = readFileSync(page, 'utf8')
      const shown = names((text.match(block) ?? []).join('\n'))
      const said = [...text.replaceAll(block, '').matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => [
        ...names(code.replaceAll(/'[^']*'|"[^"]*"/g, '')),
      ])
      const wrong = said.filter((name) => /[a-z][A-Z]/.test(name) && !sources.has(name) && !shown.has(name) && !foreign.has(name))
      assert.deepEqual(wrong, [])
    })
})

describe('commands on pages', async () => {
  const ask = async (...words: readonly string[]): Promise<string> => {
    const lines: string[] = []
    const write = (text: string): void => void lines.push(text)
    await main([...words], { out: write, error: write, write: async (text) => write(text) })
    return lines.join('\n')
  }
  const known = new Set([...(await ask('--help')).matchAll(/^ {2}sallyport ((?:[a-z-]+ ?)+?) {2}/gm)].map(([, name = '']) => name.trim()))

  test('are found', () => assert.ok(known.size > 15, [...known].join(', ')))

  for (const page of pages)
    test(`${page}: every command and every option of one exists`, async () => {
      const text = readFileSync(page, 'utf8')
      for (const [line] of text.matchAll(/(?<=\n|`|npx )sallyport [a-z][^`\n#|]*/g)) {
        // A label of a format, such as the one that keys are derived under.
        if (/ v\d$/.test(line)) continue
        const [, ...words] = line.trim().split(/\s+/)
        const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find((each) => known.has(each))
        assert.ok(name !== undefined, line)
        const help = await ask(...name.split(' '), '--help')
        for (const [option] of line.matchAll(/(?<=\s)--[a-z][a-z-]*/g)) assert.match(help, new RegExp(`${option}\\b`), line)
      }
    })
})
