import { data, link, sealedByVendor } from './address.ts'
import { argumentsObject } from './tool-arguments.ts'
import { all, boolean, by, figures, identifier, label, list, members, nullable, number, tag, text, textOr, variants, word } from './shape.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

/** Marks the end of what the vendor may remember for the next request. It names nothing that somebody else put there. */
export const cacheControl: Shape = nullable(members({ type: word('ephemeral'), ttl: word('5m', '1h') }, { required: ['type'] }))

const place = { type: tag, cited_text: text, document_index: number, document_title: nullable(text), file_id: storeReference('a file') }

/** Where a text was taken from. */
export const citation: Shape = variants(
  'type',
  all(
    {
      char_location: members(all(place, { start_char_index: number, end_char_index: number })),
      page_location: members(all(place, { start_page_number: number, end_page_number: number })),
      content_block_location: members(all(place, { start_block_index: number, end_block_index: number })),
      search_result_location: members({
        type: tag,
        cited_text: text,
        search_result_index: number,
        source: text,
        title: nullable(text),
        start_block_index: number,
        end_block_index: number,
      }),
    },
    runsAtVendor('web_search_result_location'),
  ),
)

/** Blocks of what runs at the vendor, or lies there. */
export const vendorBlocks: Readonly<Record<string, Shape>> = all(
  runsAtVendor(
    'server_tool_use',
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
    'mcp_tool_use',
    'mcp_tool_result',
  ),
  { container_upload: storeReference('a file in a container', 'file') },
)

/** Who made a tool call: the model itself. What runs at the vendor can make them too. */
export const caller: Shape = nullable(
  variants(
    'type',
    all({ direct: members({ type: tag }) }, runsAtVendor('code_execution_20250825', 'code_execution_20260120', 'code_execution_20260521')),
  ),
)

/** A tool call. In a request its names must be names. */
/* @__NO_SIDE_EFFECTS__ */
export function toolUse(strict: boolean): Shape {
  const name = strict ? identifier : label
  return members(
    { type: tag, id: name, name, input: argumentsObject, cache_control: cacheControl, caller, toolset_name: nullable(name) },
    { required: ['id', 'name', 'input'] },
  )
}

export const redactedThinking: Shape = members({ type: tag, data: sealedByVendor }, { required: ['data'] })

const textBlock: Shape = members({ type: tag, text, cache_control: cacheControl, citations: nullable(list(citation)) }, { required: ['text'] })

/** A text, or blocks of text. */
export const textOrBlocks: Shape = textOr(variants('type', { text: textBlock }))

const fileReference = storeReference('a file', 'file')

const image: Shape = members(
  {
    type: tag,
    source: variants('type', {
      base64: members({ type: tag, data, media_type: word('image/jpeg', 'image/png', 'image/gif', 'image/webp') }, { required: ['data'] }),
      url: members({ type: tag, url: link }, { required: ['url'] }),
      file: fileReference,
    }),
    cache_control: cacheControl,
  },
  { required: ['source'] },
)

const citations: Shape = nullable(members({ enabled: boolean }))

const document: Shape = members(
  {
    type: tag,
    source: variants('type', {
      base64: members({ type: tag, data, media_type: word('application/pdf') }, { required: ['data'] }),
      text: members({ type: tag, data: text, media_type: word('text/plain') }, { required: ['data'] }),
      content: members({ type: tag, content: textOr(variants('type', { text: textBlock, image })) }, { required: ['content'] }),
      url: members({ type: tag, url: link }, { required: ['url'] }),
      file: fileReference,
    }),
    title: nullable(text),
    context: nullable(text),
    citations,
    cache_control: cacheControl,
  },
  { required: ['source'] },
)

const searchResult: Shape = members(
  { type: tag, content: list(variants('type', { text: textBlock })), source: text, title: text, citations, cache_control: cacheControl },
  { required: ['content', 'source'] },
)

const toolResult: Shape = by(
  'tool',
  members(
    {
      type: tag,
      tool_use_id: identifier,
      content: textOr(
        variants('type', {
          text: textBlock,
          image,
          document,
          search_result: searchResult,
          tool_reference: members({ type: tag, tool_name: identifier }),
        }),
      ),
      is_error: boolean,
      cache_control: cacheControl,
      toolset_name: nullable(identifier),
    },
    { required: ['tool_use_id'] },
  ),
)

const blocks = textOr(
  variants(
    'type',
    all(
      {
        text: textBlock,
        image,
        document,
        search_result: searchResult,
        thinking: members({ type: tag, thinking: text, signature: sealedByVendor }, { required: ['thinking'] }),
        redacted_thinking: redactedThinking,
        tool_use: toolUse(true),
        tool_result: toolResult,
      },
      vendorBlocks,
    ),
  ),
)

/** A message of a conversation. */
export const message: Shape = variants('role', {
  user: by('user', members({ role: tag, content: blocks }, { required: ['content'] })),
  assistant: by('assistant', members({ role: tag, content: blocks }, { required: ['content'] })),
  system: by('system', members({ role: tag, content: textOrBlocks }, { required: ['content'] })),
})

/** What was spent: numbers, and words of the vendor's. */
export const spent: Shape = members(
  {
    cache_creation: nullable(members({ ephemeral_5m_input_tokens: number, ephemeral_1h_input_tokens: number }, { others: figures })),
    service_tier: nullable(label),
    inference_geo: nullable(label),
    speed: nullable(label),
  },
  { others: figures },
)
