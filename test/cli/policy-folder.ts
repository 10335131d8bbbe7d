import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The policy that the commands are tried with. */
export const policy = {
  id: 'support',
  version: '7',
  attributes: { 'context.risk': 'number' },
  rules: [
    {
      id: 'readers-chat',
      effect: 'permit',
      subject: { roles: ['reader', 'guest'] },
      action: ['chat', 'embeddings'],
      resource: { type: 'model', id: 'gpt-*' },
      obligations: [{ type: 'max_output_tokens', value: 100 }],
    },
    { id: 'admins', effect: 'permit', subject: { roles: 'admin' } },
    { id: 'at-risk', effect: 'forbid', when: { 'context.risk': { gte: 0.9 } } },
  ],
}

/** A request as JSON. */
export const asked = {
  subject: { type: 'user', id: 'ada', properties: { roles: ['reader'] } },
  action: { name: 'chat' },
  resource: { type: 'model', id: 'gpt-5' },
  context: { risk: 0.1 },
}

/** A folder of one's own, with files in it. */
export interface Folder {
  path(name: string): string
  /** Writes a text, or a value as JSON, and gives the path. */
  write(name: string, content: unknown): Promise<string>
  remove(): Promise<void>
}

export async function folder(): Promise<Folder> {
  const root = await mkdtemp(join(tmpdir(), 'sallyport-policy-'))
  const path = (name: string): string => join(root, name)
  return {
    path,
    async write(name, content) {
      await writeFile(path(name), typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
      return path(name)
    },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}
