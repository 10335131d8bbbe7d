import { caller } from './anthropic-messages-content.ts'
import { address, data, sealedByVendor } from './address.ts'
import { cacheControl, citation } from './anthropic-messages-content.ts'
import {
  all,
  anyJson,
  anyObject,
  dropped,
  figures,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  running,
  tag,
  text,
  textIn,
  variants,
  word,
} from './shape.ts'
import { argumentValues, argumentsObject, toolArguments } from './tool-arguments.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

const index: Shape = (value, walk) => (typeof value === 'number' ? number : label)(value, walk)

const place = { type: tag, id: nullable(label), index, cache_control: cacheControl }

const url: Shape = (value, walk) => walk.text(textIn(value, walk), 'url')

// Where a text was found: as this library says it, and as vendors do.
const found: Shape = (value, walk) => {
  if (!isRecord(value)) throw walk.invalid('no object')
  return (value.type === 'citation' ? standardCitation : value.type === 'url_citation' ? urlCitation : citation)(value, walk)
}
const standardCitation = members({ type: tag, source: text, url, title: text, citedText: text }, { others: figures })
const urlCitation = members({ type: tag, url, title: text }, { others: figures })

const file = storeReference('a file')

const media = all(place, {
  source_type: word('url', 'base64', 'text'),
  url: address,
  data,
  text,
  fileId: file,
  mimeType: label,
  mime_type: label,
  metadata: nullable(anyObject),
  title: text,
  context: text,
})

// `source_type: 'id'` makes the id of a block one of the vendor's store.
const picture: Shape = (value, walk) => {
  if (isRecord(value) && value.source_type === 'id') return file('', walk)
  return members(media)(value, walk)
}

const imageUrl = members({ url: address, detail: word('auto', 'low', 'high') }, { required: ['url'] })

/** Pieces of content of either kind, and what runs at a vendor. */
/* @__NO_SIDE_EFFECTS__ */
function shared(written: Shape, thought: Shape, refusal: Shape): Readonly<Record<string, Shape>> {
  return {
    text: members({
      ...place,
      text: written,
      annotations: nullable(list(found)),
      citations: nullable(list(found)),
      source_type: word('text'),
      metadata: nullable(anyObject),
    }),
    reasoning: members({ ...place, reasoning: thought, signature: nullable(sealedByVendor) }, { required: ['reasoning'] }),
    thinking: members({ ...place, thinking: thought, signature: nullable(sealedByVendor) }),
    redacted_thinking: members({ ...place, data: sealedByVendor }),
    refusal: members({ ...place, refusal }, { required: ['refusal'] }),
    ...runsAtVendor(
      'server_tool_call',
      'server_tool_call_chunk',
      'server_tool_call_result',
      'server_tool_use',
      'web_search_tool_result',
      'code_execution_tool_result',
    ),
  }
}

const called = members(all(place, { name: label, args: argumentsObject }), { required: ['name', 'args'] })

/** A tool call whose arguments are no JSON: they are shown as they are. */
const invalid = members(
  all(place, {
    type: word('invalid_tool_call'),
    name: nullable(label),
    args: nullable((value, walk) => walk.text(textIn(value, walk), 'arguments')),
    error: nullable(text),
  }),
)

/** Pieces of a whole message's content. */
export const contentBlocks: Shape = list(
  variants(
    'type',
    all(shared(text, text, text), {
      image_url: members(all(place, { image_url: (value, walk) => (typeof value === 'string' ? address : imageUrl)(value, walk) }), {
        required: ['image_url'],
      }),
      image: picture,
      audio: picture,
      video: picture,
      file: picture,
      'text-plain': picture,
      tool_call: called,
      tool_use: members(
        all(place, { name: label, caller, input: (value, walk) => (typeof value === 'string' ? toolArguments(true) : argumentValues)(value, walk) }),
      ),
      input_json_delta: members(all(place, { input: toolArguments(true) })),
      invalid_tool_call: invalid,
    }),
  ),
)

/** A block's place in the content of a part: the texts of blocks with one place go on. */
function placeOf(block: Readonly<Record<string, unknown>>, position: number): string {
  return `content/${typeof block.index === 'number' || typeof block.index === 'string' ? String(block.index) : String(position)}`
}

const blocksOfPart = variants(
  'type',
  all(shared(running('text'), running('thought'), running('refusal')), {
    tool_use: members(
      all(place, { name: label, caller, input: (value, walk) => (typeof value === 'string' ? toolArguments(false) : argumentValues)(value, walk) }),
    ),
    input_json_delta: members(all(place, { input: toolArguments(false) })),
  }),
)

/** Pieces of the content of a part of a streamed message. */
export const contentOfPart: Shape = (value, walk) => {
  if (!Array.isArray(value)) throw walk.invalid('no list')
  let position = 0
  return list((block, inner) => {
    inner.scope = placeOf(isRecord(block) ? block : {}, position++)
    return blocksOfPart(block, inner)
  })(value, walk)
}

/** The calls that a message makes. */
export const toolCalls: Shape = nullable(
  list(members({ type: word('tool_call'), id: nullable(label), name: label, args: argumentsObject }, { required: ['name', 'args'] })),
)

export const invalidToolCalls: Shape = nullable(list(invalid))

/** Pieces of calls in a part of a streamed message. */
export const toolCallChunks: Shape = nullable(
  list(
    members({
      type: word('tool_call_chunk'),
      id: nullable(label),
      name: nullable(label),
      index: nullable(index),
      args: nullable(toolArguments(false)),
    }),
  ),
)

/** What a vendor says around an answer. The tokens once more, with alternatives to each, do not pass. */
export const responseMetadata: Shape = nullable(members({ logprobs: dropped }, { others: anyJson }))
