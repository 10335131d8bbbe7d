import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { startRedis, withoutRedis } from '../adapters/redis/redis-server.ts'
import { cleanFolder, packedPackage } from './clean-folder.ts'
import { type Step, stepsOf } from './guide.ts'

const guides = [
  'docs/express.md',
  'docs/hono.md',
  'docs/openai-client.md',
  'docs/mcp.md',
  'docs/tools.md',
  'docs/keys.md',
  'docs/verify-a-log.md',
  'docs/redis.md',
  'docs/own-control.md',
  'docs/own-evaluator.md',
  'docs/own-key-provider.md',
  'docs/own-detector.md',
  'docs/testing.md',
  'docs/migrating.md',
]
const steps = (page: string): readonly Step[] => stepsOf(readFileSync(page, 'utf8'))

let packed = ''
before(() => {
  packed = packedPackage()
})
after(() => rmSync(packed, { recursive: true, force: true }))

async function follow(page: string, environment: Readonly<Record<string, string>> = {}): Promise<void> {
  const folder = await cleanFolder(packed, environment)
  try {
    for (const step of steps(page)) await folder.follow(step)
  } finally {
    await folder.close()
  }
}

const withoutClient = spawnSync('redis-cli', ['--version']).status !== 0

// Two at a time: most of each is waiting for a process to start.
describe('followed literally in a clean folder', { concurrency: 2 }, () => {
  for (const page of ['README.md', ...guides.filter((guide) => guide !== 'docs/redis.md')]) test(page, () => follow(page))

  // The guide asks for a server, and stops it.
  if (withoutRedis === false && !withoutClient)
    test('docs/redis.md', async () => {
      const server = await startRedis('--maxmemory-policy', 'noeviction')
      try {
        await follow('docs/redis.md', { REDIS_URL: `redis://127.0.0.1:${server.port}` })
      } finally {
        await server.stop()
      }
    })
})

test('an app of one’s own, from the README, takes fewer than 30 lines', () => {
  const files = steps('README.md').flatMap((step) => (step.kind === 'file' && step.title !== 'first.ts' ? [step.content.trimEnd()] : []))
  assert.equal(files.length, 2)
  assert.ok(files.join('\n').split('\n').length < 30)
})

describe('a guide', () => {
  for (const guide of guides)
    test(`${guide} says what it is for, what one needs, what is refused and where to go from there, within three screens`, () => {
      const text = readFileSync(guide, 'utf8')
      assert.match(text, /^\*\*Goal\*\*: \S/m)
      if (guide !== 'docs/keys.md') assert.match(text, /^# .*\n\n\*\*Goal\*\*: /)
      assert.match(text, /^\*\*You need\*\* Node 20\.19 or later/m)
      assert.match(text, /^Next: \[/m)
      assert.ok(text.split('\n').filter((line) => !line.trim().startsWith('<!--')).length <= 170, 'it is too long')
      const shown = steps(guide)
        .map((step) => ('shown' in step ? step.shown : undefined))
        .join('\n')
      assert.match(shown, /40[013]|503|denied|decryption_failed|does not hold|TypeError|pass 2/)
    })

  test('is listed on the first page', () => {
    const list = readFileSync('docs/README.md', 'utf8')
    for (const guide of guides) assert.ok(list.includes(`(${guide.replace('docs/', '')})`), guide)
  })
})
