import { data, link, mediaType, sealedByVendor } from './address.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  figures,
  identifier,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  refused,
  text,
  textIn,
  word,
} from './shape.ts'
import { argumentsObject } from './tool-arguments.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape, Walk } from './walk.ts'

// Another word for one that nobody said.
const roles = new Map<unknown, Walk['role']>([
  ['user', 'user'],
  ['model', 'assistant'],
  ['function', 'tool'],
])

// The vendor's own store of files has addresses like any other place of the web; the vendor's buckets have their own.
const fileUri: Shape = (value, walk) => {
  const uri = textIn(value, walk)
  const host = URL.canParse(uri) ? new URL(uri).hostname : ''
  if (/^(?:gs|files?):/i.test(uri) || /(?:^|\.)(?:googleapis\.com|storage\.cloud\.google\.com)\.?$/i.test(host))
    return storeReference('a file', 'file')(uri, walk)
  return link(uri, walk)
}

/** What a part may hold beside a text, of whoever it is. In a request (`strict`) names must be names. */
/* @__NO_SIDE_EFFECTS__ */
function beside(strict: boolean): Readonly<Record<string, Shape>> {
  const name = strict ? identifier : label
  return {
    thought: boolean,
    thoughtSignature: sealedByVendor,
    functionCall: members(
      {
        id: name,
        name,
        args: argumentsObject,
        // A control must see arguments whole.
        partialArgs: refused('arguments of a tool call in pieces'),
        willContinue: refused('arguments of a tool call in pieces', false),
      },
      { required: ['name'] },
    ),
    ...runsAtVendor('executableCode', 'codeExecutionResult', 'toolCall', 'toolResponse'),
  }
}

/** A part of what a model said. Pictures and sound are refused: no control can read them. */
/* @__NO_SIDE_EFFECTS__ */
export function answerPart(written: Shape): Shape {
  return members({ ...beside(false), text: written }, { others: figures })
}

const functionResponse: Shape = by(
  'tool',
  members(
    { id: identifier, name: identifier, response: anyObject, scheduling: identifier, willContinue: refused('a result in pieces', false) },
    { required: ['name'] },
  ),
)

const part: Shape = members(
  all(beside(true), {
    text,
    functionResponse,
    inlineData: members({ data, mimeType: mediaType, displayName: text }, { required: ['data'] }),
    fileData: members({ fileUri, mimeType: mediaType, displayName: text }, { required: ['fileUri'] }),
    mediaResolution: members({ level: identifier, numTokens: number }),
    videoMetadata: members({ startOffset: identifier, endOffset: identifier, fps: number }),
    partMetadata: anyObject,
  }),
)

const parts = list(part)

const said = members({ role: nullable(word('user', 'model', 'function')), parts }, { required: ['parts'] })

const content: Shape = (value, walk) => by(roles.get(isRecord(value) ? value.role : undefined) ?? 'user', said)(value, walk)

// The vendor's client takes a text or a part where it wants a content.
const contentLike: Shape = (value, walk) => {
  if (typeof value === 'string') return by('user', text)(value, walk)
  return isRecord(value) && Object.hasOwn(value, 'parts') ? content(value, walk) : by('user', part)(value, walk)
}

const several = list(contentLike)

/** What was said so far: a content, a part or a text, or a list of them. */
export const contents: Shape = (value, walk) => (Array.isArray(value) ? several(value, walk) : contentLike(value, walk))

const instructions = members({ role: nullable(word('user', 'model', 'system')), parts }, { required: ['parts'] })

/** What a model is told to be: whoever it says that it is from, it is the application's. */
export const systemInstruction: Shape = by('system', (value, walk) => {
  if (typeof value === 'string') return text(value, walk)
  if (Array.isArray(value)) return list((item, inner) => (typeof item === 'string' ? text(item, inner) : part(item, inner)))(value, walk)
  return isRecord(value) && Object.hasOwn(value, 'parts') ? instructions(value, walk) : part(value, walk)
})

const declaration = members(
  {
    name: identifier,
    description: text,
    behavior: identifier,
    parameters: anyObject,
    parametersJsonSchema: anyJson,
    response: anyObject,
    responseJsonSchema: anyJson,
  },
  { required: ['name'] },
)

/** Tools that a model is offered. */
export const tools: Shape = by(
  'system',
  list(
    members(
      all(
        { functionDeclarations: list(declaration) },
        runsAtVendor(
          'codeExecution',
          'computerUse',
          'enterpriseWebSearch',
          'exaAiSearch',
          'fileSearch',
          'googleMaps',
          'googleSearch',
          'googleSearchRetrieval',
          'mcpServers',
          'parallelAiSearch',
          'retrieval',
          'urlContext',
        ),
      ),
    ),
  ),
)

/** Which tools a model may call, and how. */
export const toolConfig: Shape = members({
  functionCallingConfig: members({
    mode: identifier,
    allowedFunctionNames: list(identifier),
    streamFunctionCallArguments: refused('arguments of a tool call in pieces', false),
  }),
  includeServerSideToolInvocations: refused('what runs at the vendor (tools)', false),
  retrievalConfig: members({ latLng: figures, languageCode: identifier }),
})
