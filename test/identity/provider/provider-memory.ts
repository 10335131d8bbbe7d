import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Stored {
  readonly model: string
  readonly payload: AdapterPayload
}

/** What a provider remembers, in this process: it outlives a provider that is started anew with other keys. */
export function providerMemory(): (model: string) => Adapter {
  const entries = new Map<string, Stored>()
  const find = (model: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined =>
    [...entries.values()].find((entry) => entry.model === model && matches(entry.payload))?.payload
  return (model) => ({
    upsert: async (id, payload) => void entries.set(`${model}:${id}`, { model, payload }),
    find: async (id) => entries.get(`${model}:${id}`)?.payload,
    findByUid: async (uid) => find(model, (payload) => payload.uid === uid),
    findByUserCode: async (userCode) => find(model, (payload) => payload.userCode === userCode),
    async consume(id) {
      const entry = entries.get(`${model}:${id}`)
      if (entry !== undefined) entries.set(`${model}:${id}`, { model, payload: { ...entry.payload, consumed: Math.floor(Date.now() / 1000) } })
    },
    destroy: async (id) => void entries.delete(`${model}:${id}`),
    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key)
    },
  })
}
