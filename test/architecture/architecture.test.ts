import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Import, importsBelow, importsOf } from './imports.ts'
import { cycles, violation } from './rules.ts'

const { files, imports } = importsBelow(new URL('../../src', import.meta.url).pathname)

describe('the tree', () => {
  test('every import goes in an allowed direction', () => {
    assert.ok(imports.length > 100, 'the imports were found')
    const violations = imports.flatMap((each) => {
      const why = violation(each)
      return why === undefined ? [] : [`${each.from} -> ${each.to}: ${why}`]
    })
    assert.deepEqual(violations, [])
  })

  test('no import comes back to where it began', () => {
    assert.deepEqual(cycles(imports), [])
  })

  test('the runtime dependencies are the four', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { dependencies: object }
    assert.deepEqual(Object.keys(dependencies).sort(), ['@noble/ciphers', 'jose', 'lru-cache', 'zod'])
  })

  test('files are short enough to read in one go, and none is a drawer for odds and ends', () => {
    assert.deepEqual(
      files.filter((file) => /(^|\/)(utils?|helpers?|common|misc|types)(\/|\.ts$)/.test(file)),
      [],
    )
  })
})

describe('planted violations are found', () => {
  const planted: readonly [file: string, statement: string, why: RegExp][] = [
    ['guard/run.ts', "import { jwt } from '../identity/jwt.ts'", /guard imports identity/],
    ['guard/run.ts', "import type { AuditLog } from '../audit-log/audit-log.ts'", /guard imports audit-log/],
    ['guard/run.ts', "import * as z from 'zod'", /zod is no runtime dependency/],
    ['guard/run.ts', "import { jwtVerify } from 'jose'", /guard imports jose/],
    ['identity/jwt.ts', "import { policySet } from '../policy/policy-set.ts'", /identity imports policy/],
    ['controls/authorize.ts', "import { audit } from './audit.ts'", /control authorize imports controls/],
    ['controls/rate-limit.ts', "import { scan } from '../masking/scan.ts'", /control rate-limit imports masking/],
    ['controls/new-one.ts', "import { scan } from '../masking/scan.ts'", /control new-one imports masking/],
    ['identity/jwt.ts', "import { createHash } from 'node:crypto'", /module of Node/],
    ['audit-log/memory-log.ts', "export { join } from 'node:path'", /module of Node/],
    ['policy/policy-set.ts', "const z = await import('lodash')", /no runtime dependency/],
    ['policy/policy-set.ts', "const z = require('express')", /outside its own adapter/],
    ['policy/policy-set.ts', 'const z = await import(name)', /cannot be followed/],
    ['adapters/express/express-guard.ts', "import express from 'express'", /more than its types/],
    ['adapters/express/express-guard.ts', "import type { Context } from 'hono'", /outside its own adapter/],
    ['adapters/hono/hono-guard.ts', "import { audit } from '../../controls/audit.ts'", /an adapter imports/],
    ['adapters/hono/hono-guard.ts', "import { toNode } from '../node/to-node.ts'", /an adapter imports/],
    ['masking/scan.ts', "import { guardFetch } from '../adapters/fetch/guard-fetch.ts'", /masking imports adapters/],
    ['index.ts', "export { honoGuard } from './adapters/hono/hono-guard.ts'", /no part of the core/],
    ['limits/memory-limits.ts', "import { guard } from '../index.ts'", /from inside/],
  ]
  for (const [file, statement, why] of planted)
    test(`${file}: ${statement}`, () => {
      const [found] = importsOf(file, statement)
      assert.ok(found !== undefined)
      assert.match(violation(found) ?? 'nothing', why)
    })

  test('a circle of files', () => {
    const edge = (from: string, to: string, typeOnly = false): Import => ({ from, to, typeOnly })
    assert.equal(cycles([edge('a.ts', 'b.ts'), edge('b.ts', 'c.ts'), edge('c.ts', 'a.ts')]).length, 1)
    assert.equal(cycles([edge('a.ts', 'b.ts'), edge('b.ts', 'a.ts', true)]).length, 0)
  })
})
