import type OpenAI from 'openai'

/**
 * Calls every method of every resource of the client, in several ways, with a body that is right for a chat and wrong for
 * most else. Waits until all of them have ended, and gives the names of what was called.
 */
export async function callEverything(client: OpenAI, request: object): Promise<ReadonlySet<string>> {
  const { error: report } = console
  // Some of its helpers write the errors that they collect.
  console.error = () => {}
  const called = new Set<string>()
  const running: Promise<unknown>[] = []
  const call = (name: string, make: () => unknown): void => {
    called.add(name)
    running.push(ended(make))
  }
  const body = {
    ...request,
    input: 'x',
    file: new File(['x'], 'x.jsonl'),
    files: [new File(['x'], 'x')],
    thread_id: 't',
    run_id: 'r',
    tools: [],
  }
  for (const [path, resource] of resourcesOf(client))
    for (const method of methodsOf(resource)) {
      const run = Reflect.get(resource, method) as (...args: unknown[]) => unknown
      call(`${path}.${method}`, () => run.call(resource, body, body))
      call(`${path}.${method}`, () => run.call(resource, 'id_1', body, body))
      call(`${path}.${method}`, () => run.call(resource, { ...body, stream: true }))
    }
  for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) call(method, () => client[method]('/chat/completions', { body: request }))
  const { completions } = client.chat
  call('request', () => client.request({ method: 'post', path: '/chat/completions', body: request }).asResponse())
  call('asResponse', () => completions.create(request as never).asResponse())
  call('withResponse', () => completions.create(request as never).withResponse())
  call('withOptions', () => client.withOptions({ maxRetries: 5, timeout: 1_000 }).chat.completions.create(request as never))
  call('absolute', () => client.post('https://elsewhere.example/v1/chat/completions', { body: request }))
  call('traversal', () => client.post('/x/../chat/completions', { body: request }))
  await Promise.all(running)
  console.error = report
  return called
}

async function ended(make: () => unknown): Promise<void> {
  try {
    const value: unknown = await make()
    if (typeof value !== 'object' || value === null) return
    if ('done' in value && typeof value.done === 'function') await value.done()
    else if (Symbol.asyncIterator in value) for await (const _ of value as AsyncIterable<unknown>);
  } catch {
    // Refused, or called with nonsense.
  }
}

// Everything that hangs on the client and sends requests through it.
function resourcesOf(client: OpenAI): [string, object][] {
  const found: [string, object][] = []
  const look = (path: string, holder: object): void => {
    for (const [name, value] of Object.entries(holder))
      if (name !== '_client' && typeof value === 'object' && value !== null && '_client' in value) {
        found.push([path + name, value as object])
        look(`${path}${name}.`, value as object)
      }
  }
  look('', client)
  return found
}

function methodsOf(resource: object): string[] {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(resource))
  return names.filter((name) => name !== 'constructor' && typeof Reflect.get(resource, name) === 'function')
}
