import { address, data, link, sealedByVendor } from './address.ts'
import {
  all,
  anyObject,
  boolean,
  by,
  emptied,
  identifier,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  tag,
  text,
  textIn,
  textOr,
  variants,
  word,
} from './shape.ts'
import { toolArguments } from './tool-arguments.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

/** Items of what runs at the vendor: its calls and their results. */
const vendorItems: Readonly<Record<string, Shape>> = runsAtVendor(
  'code_interpreter_call',
  'compaction',
  'computer_call',
  'file_search_call',
  'image_generation_call',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'mcp_list_tools',
  'tool_search_call',
  'tool_search_output',
  'web_search_call',
)

const file = storeReference('a file', 'file')

const detail = nullable(word('low', 'high', 'auto', 'original'))

const inputParts = {
  input_text: members({ type: tag, text }, { required: ['text'] }),
  input_image: members({ type: tag, image_url: nullable(address), detail, file_id: file }),
  input_file: members({ type: tag, file_data: data, file_url: link, filename: text, file_id: file }),
}

/** A source that an answer names. */
export const annotation: Shape = variants('type', {
  url_citation: members({
    type: tag,
    start_index: number,
    end_index: number,
    title: text,
    url: (value, walk) => walk.text(textIn(value, walk), 'url'),
  }),
  file_citation: storeReference('a file', 'file'),
  container_file_citation: storeReference('a file in a container', 'file'),
  file_path: storeReference('a file', 'file'),
})

/** Pieces of what a model said. Its tokens once more, with alternatives to each, do not pass: no control could cover them. */
/* @__NO_SIDE_EFFECTS__ */
export function outputParts(written: Shape, refusal: Shape, thought: Shape): Readonly<Record<string, Shape>> {
  return {
    output_text: members({ type: tag, text: written, annotations: list(annotation), logprobs: emptied }, { required: ['text'] }),
    refusal: members({ type: tag, refusal }, { required: ['refusal'] }),
    reasoning_text: members({ type: tag, text: thought }, { required: ['text'] }),
  }
}

const status = nullable(word('in_progress', 'completed', 'incomplete'))

const summary = list(variants('type', { summary_text: members({ type: tag, text }, { required: ['text'] }) }))

const thoughts = list(variants('type', { reasoning_text: members({ type: tag, text }, { required: ['text'] }) }))

const phase = nullable(word('commentary', 'final_answer'))

/** Items that a model writes. In a request (`strict`) names must be names, and arguments JSON. */
/* @__NO_SIDE_EFFECTS__ */
export function outputItems(strict: boolean): Readonly<Record<string, Shape>> {
  const name = strict ? identifier : label
  const call = { type: tag, id: nullable(name), call_id: name, name, namespace: nullable(name), status }
  return {
    function_call: members({ ...call, arguments: toolArguments(strict) }, { required: ['call_id', 'name', 'arguments'] }),
    custom_tool_call: members(
      { ...call, input: (value, walk) => walk.text(textIn(value, walk), 'arguments') },
      { required: ['call_id', 'name', 'input'] },
    ),
    reasoning: members(
      { type: tag, id: nullable(name), summary, content: nullable(thoughts), encrypted_content: nullable(sealedByVendor), status },
      { required: ['summary'] },
    ),
    ...vendorItems,
  }
}

/** What a model said. */
export const outputMessage: Shape = members(
  { type: tag, id: label, role: word('assistant'), content: list(variants('type', outputParts(text, text, text))), phase, status },
  { required: ['content'] },
)

/* @__NO_SIDE_EFFECTS__ */
function message(role: 'user' | 'system' | 'assistant', parts: Readonly<Record<string, Shape>>): Shape {
  const content = textOr(variants('type', parts))
  return by(role, members({ type: tag, id: nullable(identifier), role: tag, content, phase, status }, { required: ['content'] }))
}

const messages = variants('role', {
  user: message('user', inputParts),
  system: message('system', inputParts),
  developer: message('system', inputParts),
  assistant: message('assistant', all(inputParts, outputParts(text, text, text))),
})

const result = by(
  'tool',
  members(
    { type: tag, id: nullable(identifier), call_id: identifier, output: textOr(variants('type', inputParts)), status },
    { required: ['call_id', 'output'] },
  ),
)

const items = outputItems(true)

// Without what was thought, its name alone makes the vendor look it up.
const reasoning: Shape = (value, walk) => {
  const { encrypted_content: encrypted, content } = isRecord(value) ? value : {}
  if (typeof encrypted !== 'string' && !(Array.isArray(content) && content.length > 0)) return storeReference('reasoning')('', walk)
  return items.reasoning?.(value, walk)
}

/* @__NO_SIDE_EFFECTS__ */
function byAssistant(shapes: Readonly<Record<string, Shape>>): Readonly<Record<string, Shape>> {
  return Object.fromEntries(Object.entries(shapes).map(([type, shape]) => [type, by('assistant', shape)]))
}

const typed = variants(
  'type',
  all({ message: messages }, byAssistant(items), {
    reasoning: by('assistant', reasoning),
    function_call_output: result,
    custom_tool_call_output: result,
    item_reference: storeReference('an earlier item', 'item'),
  }),
)

/** An item of a conversation. A message need not say that it is one. */
export const inputItem: Shape = (value, walk) => (isRecord(value) && !Object.hasOwn(value, 'type') ? messages(value, walk) : typed(value, walk))

/** Tools that a model is offered. Those of other types run at the vendor. */
export const tool: Shape = variants(
  'type',
  all(
    {
      function: members(
        {
          type: tag,
          name: identifier,
          description: nullable(text),
          parameters: nullable(anyObject),
          strict: nullable(boolean),
          defer_loading: boolean,
        },
        { required: ['name'] },
      ),
      custom: members(
        {
          type: tag,
          name: identifier,
          description: text,
          defer_loading: boolean,
          format: variants('type', {
            text: members({ type: tag }),
            grammar: members({ type: tag, definition: text, syntax: word('lark', 'regex') }, { required: ['definition'] }),
          }),
        },
        { required: ['name'] },
      ),
    },
    runsAtVendor(
      'code_interpreter',
      'computer',
      'computer_use_preview',
      'file_search',
      'image_generation',
      'mcp',
      'shell',
      'tool_search',
      'web_search',
      'web_search_2025_08_26',
      'web_search_preview',
      'web_search_preview_2025_03_11',
    ),
  ),
)
