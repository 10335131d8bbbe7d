import { GuardError } from '../../guard/errors.ts'
import { plainMessage } from '../../payload/langchain-request.ts'
import { isRecord } from '../../payload/shape.ts'

type Fields = Readonly<Record<string, unknown>>
type Maker = new (fields: Fields) => object

/** A chunk of a streamed answer, of the class that the model's own chunks have. */
export interface Chunk {
  readonly text: string
  readonly message: object
}

/** What a model answers with. */
export interface Result {
  readonly generations: readonly { readonly text: string; readonly message: object; readonly generationInfo: object }[]
  readonly llmOutput?: object
}

/** The messages for the model: of the classes that they came with, with what the controls made of them. */
export function givenMessages(before: readonly unknown[], after: readonly Fields[]): readonly object[] {
  return after.map((fields, index) => {
    const message = before[index]
    if (typeof message !== 'object' || message === null) throw unreadable()
    return made(message, fields)
  })
}

/** The one message of a whole answer, as the codec reads it. @throws GuardError `payload_unsupported` for several at once. */
export function wholeOf(result: unknown): Fields {
  const [generation, ...more] = generationsOf(result)
  if (generation === undefined || more.length > 0) throw new GuardError('payload_unsupported', { reason: 'several answers at once, or none' })
  const { llmOutput } = result as Fields
  const { tool_call_chunks: _pieces, ...fields } = fieldsOf(generation)
  return {
    ...fields,
    response_metadata: { ...(isRecord(llmOutput) && llmOutput), ...(isRecord(fields.response_metadata) && fields.response_metadata) },
  }
}

/** A guarded message as a result of the model. */
export function resultOf(given: unknown, answer: unknown): Result {
  const [generation] = generationsOf(given)
  if (generation === undefined || !isRecord(answer)) throw unreadable()
  const message = made(generation.message, answer)
  const usage = isRecord(answer.usage_metadata) ? answer.usage_metadata : undefined
  const tokenUsage = usage && { promptTokens: usage.input_tokens, completionTokens: usage.output_tokens, totalTokens: usage.total_tokens }
  return { generations: [{ text: textOf(message), message, generationInfo: {} }], ...(tokenUsage && { llmOutput: { tokenUsage } }) }
}

/** Makes chunks of guarded parts, of the classes of the chunks that it has read. */
export class ChunkMaker {
  #chunk: Maker | undefined
  #message: object | undefined

  /** The parts of a model's chunks, as the codec reads them. */
  async *read(chunks: AsyncIterable<unknown>): AsyncGenerator<Fields> {
    for await (const chunk of chunks) {
      if (!isGeneration(chunk)) throw unreadable()
      this.#chunk ??= chunk.constructor as Maker
      this.#message ??= chunk.message
      const fields = fieldsOf(chunk)
      yield { ...fields, tool_call_chunks: Array.isArray(fields.tool_call_chunks) ? fields.tool_call_chunks : [] }
    }
  }

  make(part: unknown): Chunk {
    const [Chunk, like] = [this.#chunk, this.#message]
    if (Chunk === undefined || like === undefined || !isRecord(part)) throw unreadable()
    const message = made(like, part)
    return new Chunk({ message, text: textOf(message) }) as Chunk
  }
}

interface Generation {
  readonly message: object
  readonly generationInfo?: unknown
}

function isGeneration(value: unknown): value is Generation {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'object' && value.message !== null
}

function generationsOf(result: unknown): readonly Generation[] {
  const generations: unknown = typeof result === 'object' && result !== null && 'generations' in result ? result.generations : undefined
  if (!Array.isArray(generations) || !generations.every(isGeneration)) throw unreadable()
  return generations
}

// What stands beside a message becomes a part of it, so that the controls see it.
function fieldsOf({ message, generationInfo }: Generation): Fields {
  const fields = plainMessage(message)
  if (!isRecord(fields)) throw unreadable()
  return {
    ...fields,
    response_metadata: { ...(isRecord(generationInfo) && generationInfo), ...(isRecord(fields.response_metadata) && fields.response_metadata) },
  }
}

// Without what a part says is null: LangChain makes it of the rest.
function made(like: object, fields: Fields): object {
  const own: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) if (value !== null && name !== 'type') own[name] = thawed(value)
  return new (like.constructor as Maker)(own)
}

// LangChain writes into messages as it goes.
function thawed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(thawed)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, thawed(inner)]))
}

function textOf(message: object): string {
  if ('text' in message && typeof message.text === 'string') return message.text
  return 'content' in message && typeof message.content === 'string' ? message.content : ''
}

function unreadable(): GuardError {
  return new GuardError('payload_unsupported', { reason: 'messages in a form that no control can read' })
}
