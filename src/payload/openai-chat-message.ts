import { anyJson, identifier, integer, label, list, members, nullable, number, tag, text, textIn, variants } from './shape.ts'
import { toolArguments } from './tool-arguments.ts'
import type { Shape } from './walk.ts'

/** The place of a choice in an answer. Bounded, and with it what one answer can make us hold. */
export const choiceIndex: Shape = integer(0, 127)

const callIndex: Shape = integer(0, 1023)

// The input of a custom tool: a text of any form.
const input: Shape = (value, walk) => walk.text(textIn(value, walk), 'arguments')

/** The tool calls of a message. In a request (`strict`) names must be names, and arguments JSON. */
/* @__NO_SIDE_EFFECTS__ */
export function toolCalls(strict: boolean): Shape {
  const name = strict ? identifier : label
  const args = toolArguments(strict)
  const called = members({ name, arguments: args, parsed_arguments: anyJson }, { required: ['name', 'arguments'] })
  return list(
    variants('type', {
      function: members({ type: tag, id: name, index: callIndex, function: called }, { required: ['id', 'function'] }),
      custom: members(
        { type: tag, id: name, index: callIndex, custom: members({ name, input }, { required: ['name', 'input'] }) },
        { required: ['id', 'custom'] },
      ),
    }),
  )
}

/** The call of a function, as it was written before there were tools. */
/* @__NO_SIDE_EFFECTS__ */
export function functionCall(strict: boolean): Shape {
  return members({ name: strict ? identifier : label, arguments: toolArguments(strict) }, { required: ['name', 'arguments'] })
}

/** Tool calls in a part of a streamed answer: pieces of them, until they are joined. */
export const toolCallDeltas: Shape = list(
  members(
    {
      index: callIndex,
      id: nullable(label),
      type: nullable((value, walk) => {
        if (value !== 'function' && value !== 'custom') throw walk.unsupported('an unknown type of tool call')
        return value
      }),
      function: nullable(members({ name: nullable(label), arguments: nullable(toolArguments(false)) })),
      custom: nullable(members({ name: nullable(label), input: nullable(input) })),
    },
    { required: ['index'] },
  ),
)

/** The same for the call of a function. */
export const functionCallDelta: Shape = members({ name: nullable(label), arguments: nullable(toolArguments(false)) })

/** Sources that an answer names. */
export const annotations: Shape = list(
  variants('type', {
    url_citation: members(
      {
        type: tag,
        url_citation: members({
          start_index: number,
          end_index: number,
          title: text,
          url: (value, walk) => walk.text(textIn(value, walk), 'url'),
        }),
      },
      { required: ['url_citation'] },
    ),
  }),
)
