import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Document } from '@langchain/core/documents'
import { BaseRetriever } from '@langchain/core/retrievers'
import { type Call, type Decision, guardRetriever, isGuardError, type PolicyRequest } from '../../src/index.ts'
import { toolGuard } from './tool-guard.ts'

interface Page {
  readonly id?: string
  readonly text: string
  readonly metadata: { readonly department: string; readonly level?: number }
}

const pages: readonly Page[] = [
  { id: 'a', text: 'ours: ada@example.org', metadata: { department: 'care', level: 1 } },
  { id: 'b', text: 'theirs', metadata: { department: 'pay', level: 1 } },
  { id: 'c', text: 'ours, but secret', metadata: { department: 'care', level: 9 } },
  { text: 'nobody knows whose', metadata: { department: 'care', level: 1 } },
]

const mine: readonly object[] = [
  { id: 'tasks', effect: 'permit', action: ['invoke_agent'] },
  { id: 'search', effect: 'permit', action: ['retrieval'], resource: { type: 'retriever', id: ['wiki', 'retriever'] } },
  {
    id: 'own-department',
    effect: 'permit',
    subject: { roles: ['care'] },
    action: ['read'],
    resource: { type: 'document' },
    when: { 'resource.department': { eq: 'care' }, 'resource.level': { lt: 5 } },
  },
]

function refusedWith(code: string) {
  return (error: unknown) => isGuardError(error) && error.code === code
}

describe('guardRetriever', () => {
  test('drops what the caller may not read, masks what it may, and records how many there were', async () => {
    const { base, as, endings, log } = toolGuard(mine)
    const found = await as('ada', ['care'], (call) => guardRetriever(base, async (_query: string) => pages, { name: 'wiki', onBehalfOf: call })('x'))
    assert.deepEqual(found, [{ id: 'a', text: 'ours: [EMAIL]', metadata: { department: 'care', level: 1 } }])
    assert.deepEqual(endings(), ['retrieval wiki completed'])
    const outcome = log.entries.find((record) => record.kind === 'outcome' && record.action === 'retrieval')
    assert.deepEqual(outcome?.kind === 'outcome' && outcome.notes, ['4 hits, 3 dropped'])
  })

  test('whoever may not search gets nothing, and the retriever is not asked', async () => {
    const { base, as } = toolGuard(mine)
    let asked = 0
    const index = async (_query: string) => {
      asked++
      return pages
    }
    await as('bob', ['visitor'], async (call) => {
      await assert.rejects(guardRetriever(base, index, { name: 'secrets', onBehalfOf: call })('x'), refusedWith('denied'))
      assert.deepEqual(await guardRetriever(base, index, { name: 'wiki', onBehalfOf: call })('x'), [])
    })
    await assert.rejects(guardRetriever(base, index, { name: 'wiki' })('x'), refusedWith('identity_missing'))
    assert.equal(asked, 1)
  })

  test('LangChain’s retrievers: documents stay documents', async () => {
    class Index extends BaseRetriever {
      lc_namespace = ['test']
      readonly asked: unknown[] = []
      override async _getRelevantDocuments(query: string): Promise<Document[]> {
        this.asked.push(query)
        return pages.map(({ id = '', text, metadata }) => new Document({ pageContent: text, metadata: { ...metadata, source: id } }))
      }
    }
    const { base, as } = toolGuard(mine)
    const index = new Index()
    const found = await as('ada', ['care'], (call) => {
      const guarded = guardRetriever(base, index, { onBehalfOf: call })
      assert.deepEqual(Object.keys(guarded), ['invoke'])
      return guarded.invoke('who is ada@example.org')
    })
    assert.equal(found.length, 1)
    const [document] = found
    assert.ok(document instanceof Document)
    assert.equal(document.pageContent, 'ours: [EMAIL]')
    assert.deepEqual(document.metadata, { department: 'care', level: 1, source: 'a' })
    assert.deepEqual(index.asked, ['who is [EMAIL]'])
  })

  test('what a hit is, the application says', async () => {
    const { base, as } = toolGuard(mine)
    const nodes = { retrieve: async (_options: { query: string }) => pages.map((page, index) => ({ node: page, score: index })) }
    const found = await as('ada', ['care'], (call) =>
      guardRetriever(base, nodes, {
        onBehalfOf: call,
        resource: ({ node }) => ({ type: 'document', id: node.text, properties: node.metadata }),
      }).retrieve({ query: 'x' }),
    )
    assert.deepEqual(
      found.map(({ score }) => score),
      [0, 3],
    )
  })

  test('a permit with duties that the search does not have lets nothing through', async () => {
    const own = mine.map((rule) => ('when' in rule ? { ...rule, obligations: [{ type: 'mask', types: ['EMAIL'] }] } : rule))
    const { base, as } = toolGuard(own)
    assert.deepEqual(await as('ada', ['care'], (call) => guardRetriever(base, async (_query: string) => pages, { onBehalfOf: call })('x')), [])
    const both = own.map((rule) =>
      'when' in rule || JSON.stringify(rule).includes('retrieval') ? { ...rule, obligations: [{ type: 'mask', types: ['EMAIL'] }] } : rule,
    )
    const other = toolGuard(both)
    const found = await other.as('ada', ['care'], (call) => guardRetriever(other.base, async (_query: string) => pages, { onBehalfOf: call })('x'))
    assert.equal(found.length, 1)
  })

  test('A10: where policy does not answer about one hit, the search is refused, and recorded so', async () => {
    for (const nonsense of [() => Promise.reject(new Error('down')), () => ({ allowed: 'yes' }), () => undefined]) {
      const { base, as, endings } = toolGuard(mine, {
        evaluator: { evaluate: ({ action }: PolicyRequest) => (action.name === 'read' ? nonsense() : permit) as Decision },
      })
      await as('ada', [], (call) =>
        assert.rejects(guardRetriever(base, async (_query: string) => pages, { onBehalfOf: call })('x'), refusedWith('policy_unavailable')),
      )
      assert.deepEqual(endings(), ['retrieval retriever policy_unavailable'])
    }
  })

  test('an engine that takes its time is asked about so many at once, and each of them counts', async () => {
    let open = 0
    let most = 0
    const evaluator = {
      async evaluate({ action, resource }: PolicyRequest): Promise<Decision> {
        if (action.name !== 'read') return permit
        most = Math.max(most, ++open)
        await new Promise<void>((resolve) => setImmediate(resolve))
        open--
        return { ...permit, allowed: Number(resource.id) % 3 === 0 }
      },
    }
    const { base, as } = toolGuard(mine, { evaluator })
    const found = await as('ada', [], (call) =>
      guardRetriever(base, async (_query: string) => Array.from({ length: 50 }, (_, index) => ({ id: String(index) })), {
        onBehalfOf: call,
        concurrency: 4,
      })('x'),
    )
    assert.deepEqual(
      found.map(({ id }) => Number(id)),
      Array.from({ length: 17 }, (_, index) => index * 3),
    )
    assert.equal(most, 4)
  })

  test('A12: neither the query nor a hit is anybody’s authority', async () => {
    const { base, as } = toolGuard(mine)
    await as('bob', ['visitor'], async (call) => {
      const search = guardRetriever(base, async (_query: object) => pages, { onBehalfOf: call })
      for (const query of [{ roles: ['care'] }, { onBehalfOf: 'ada' }, { subject: { roles: ['care'] } }]) assert.deepEqual(await search(query), [])
      const lying = guardRetriever(
        base,
        async (_query: string) => [{ id: 'a', subject: { roles: ['care'] }, metadata: { department: 'care', level: 1, subject: 'ada' } }],
        {
          onBehalfOf: call,
        },
      )
      assert.deepEqual(await lying('x'), [])
    })
  })

  test('A13: what policy was asked about is what is handed on', async () => {
    const { base, as } = toolGuard(mine)
    let reads = 0
    const shifting = {
      id: 'a',
      get metadata() {
        return reads++ === 0 ? { department: 'care', level: 1 } : { department: 'pay', level: 9 }
      },
    }
    const list = [shifting, { id: 'x', metadata: { department: 'pay', level: 1 } }]
    const found = await as('ada', ['care'], async (call) => {
      const finding = guardRetriever(base, async (_query: string) => list, { onBehalfOf: call })('x')
      list.reverse()
      return finding
    })
    assert.deepEqual(found, [{ id: 'a', metadata: { department: 'care', level: 1 } }])
  })

  test('A16: hostile results are refused, and the process lives', async () => {
    const { base, as } = toolGuard(mine)
    const cycle: Record<string, unknown> = { id: 'a' }
    cycle.self = cycle
    const hostile: readonly unknown[] = [
      'text',
      null,
      { hits: [] },
      [cycle],
      [{ id: 'a', value: 1n }],
      [
        {
          id: 'a',
          get text() {
            throw new Error('no')
          },
        },
      ],
      [{ id: 'a', run: () => 1 }],
      [{ id: 'a', bytes: new Uint8Array(2), metadata: { department: 'care', level: 1 } }],
      Array.from({ length: 1_001 }, () => ({ id: 'a' })),
    ]
    await as('ada', ['care'], async (call) => {
      for (const result of hostile)
        await assert.rejects(
          guardRetriever(base, async (_query: string) => result as object[], { onBehalfOf: call })('x'),
          isGuardError,
          String(result),
        )
      for (const query of [10n, Symbol.iterator, () => 1, undefined])
        await assert.rejects(guardRetriever(base, async (_query: unknown) => [], { onBehalfOf: call })(query), refusedWith('payload_invalid'))
    })
  })

  test('what the retriever throws is its own', async () => {
    const { base, as } = toolGuard(mine)
    const own = new Error('index')
    await as('ada', ['care'], (call) =>
      assert.rejects(
        guardRetriever(base, async (_query: string): Promise<object[]> => Promise.reject(own), { onBehalfOf: call })('x'),
        (error) => error === own,
      ),
    )
  })

  test('a wrong set-up is a TypeError', () => {
    const { base } = toolGuard()
    const index = async () => []
    for (const make of [
      () => guardRetriever(base, {} as never),
      () => guardRetriever(base, index, { concurrency: 0 }),
      () => guardRetriever(base, index, { maxHits: 1.5 }),
      () => guardRetriever(base, index, { of: 1 } as object),
      () => guardRetriever(base, index, { onBehalfOf: {} as Call, request: () => ({}) }),
    ])
      assert.throws(make, TypeError)
  })
})

const permit: Decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [] }
