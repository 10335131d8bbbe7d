import OpenAI from 'openai'
import { tell } from '../report/figure.ts'
import { bodyOf, chunk, controls, vendor } from './answers.ts'

/** What a long stream holds in memory while it runs. `--expose-gc` makes the figures what is held, and not what was not yet collected. */
export async function memory(megabytes: number): Promise<void> {
  const text = 'The quarterly report shows that revenue grew in every region but one. '.repeat(14).slice(0, 1_000)
  const thousand = bodyOf(Array.from({ length: 1_000 }, () => chunk(text))).slice(0)
  const end = thousand[thousand.length - 1]
  function* pieces(): Generator<Uint8Array> {
    // Each time but the last without the end marker.
    const cut = thousand.map((piece) => (piece === end ? piece.subarray(0, piece.length - 'data: [DONE]\n\n'.length) : piece))
    for (let count = 1; count < megabytes; count++) yield* cut
    yield* thousand
  }
  const client = new OpenAI({ apiKey: 'k', fetch: controls(vendor(pieces)) })
  const held: number[] = []
  let length = 0
  let next = 1
  const stream = await client.chat.completions.create({ model: 'small-1', messages: [{ role: 'user', content: 'hello' }], stream: true })
  for await (const part of stream) {
    length += part.choices[0]?.delta.content?.length ?? 0
    if (length < (next * megabytes * 1e6) / 10) continue
    next++
    globalThis.gc?.()
    held.push(process.memoryUsage().heapUsed / 1e6)
  }
  tell({ bench: 'streams', table: `heap while ${megabytes} MB of text pass`, subject: 'client behind the guard', unit: 'MB', values: held })
  console.log(
    `\nmemory: ${(length / 1e6).toFixed(0)} MB of text through one stream; heap in MB at each tenth: ${held.map((one) => one.toFixed(0)).join(' ')}`,
  )
}
