const parts = [
  { text: 'user prose' },
  { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=', displayName: 'picture prose' } },
  {
    fileData: { mimeType: 'video/mp4', fileUri: 'https://videos.example/1', displayName: 'video prose' },
    videoMetadata: { startOffset: '1s', endOffset: '2s', fps: 1 },
  },
]

const schema = { type: 'OBJECT', properties: { to: { type: 'STRING', description: 'parameter description' } }, required: ['to'] }

/** A request as it goes over the wire, with everything in it that is not refused, by the types of `@google/genai` 2.32. */
export function fullGemini(): object {
  return {
    model: 'gemini-3-flash',
    stream: true,
    contents: [
      { role: 'user', parts },
      {
        role: 'model',
        parts: [
          { text: 'thought prose', thought: true, thoughtSignature: 'EqQBCgIYAhIkMWYw' },
          { text: 'model prose' },
          { functionCall: { id: 'call_1', name: 'send_mail', args: { to: 'tool prose', 'odd key': [1, 4111111111111111, { deep: 'a\nb' }] } } },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { id: 'call_1', name: 'send_mail', response: { output: 'tool result', 'odd name': [true] } } }] },
      { role: 'function', parts: [{ text: 'function prose' }] },
      { parts: [{ text: 'plain prose' }] },
    ],
    systemInstruction: { role: 'user', parts: [{ text: 'system prose' }] },
    tools: [
      {
        functionDeclarations: [
          { name: 'send_mail', description: 'tool description', parameters: schema, response: schema },
          { name: 'other', parametersJsonSchema: { title: 'schema prose' } },
        ],
      },
    ],
    toolConfig: {
      functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['send_mail'] },
      retrievalConfig: { latLng: { latitude: 1.5, longitude: 2 }, languageCode: 'en' },
    },
    safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
    labels: { team: 'label prose' },
    generationConfig: {
      candidateCount: 2,
      maxOutputTokens: 500,
      temperature: 0.2,
      topP: 1,
      topK: 5,
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      stopSequences: ['stop prose'],
      responseMimeType: 'application/json',
      responseSchema: schema,
      responseModalities: ['TEXT'],
      responseLogprobs: false,
      mediaResolution: 'MEDIA_RESOLUTION_LOW',
      thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
    },
  }
}

/** The same as the vendor's client takes it. */
export function fullGeminiOfClient(): object {
  const { model, contents, systemInstruction, tools, toolConfig, safetySettings, generationConfig } = fullGemini() as Record<string, object>
  return {
    model,
    contents: ['text prose', { text: 'part prose' }, ...(contents as object[])],
    config: { systemInstruction, tools, toolConfig, safetySettings, ...generationConfig, automaticFunctionCalling: { disable: true } },
  }
}

const envelope = { modelVersion: 'gemini-3-flash-001', responseId: 'r-1' }

/** A whole answer with everything in it that is not refused. */
export function fullGenerated(): object {
  return {
    ...envelope,
    createTime: '2026-01-01T00:00:00Z',
    candidates: [
      {
        content: {
          role: 'model',
          parts: [
            { text: 'thought prose', thought: true },
            { text: 'answer prose', thoughtSignature: 'EqQBCgIYAhIkMWYw' },
            { functionCall: { id: 'call_1', name: 'send_mail', args: { to: 'tool prose', 'odd key': ['b', null] } } },
          ],
        },
        finishReason: 'STOP',
        finishMessage: 'finish prose',
        avgLogprobs: -0.5,
        index: 0,
        tokenCount: 20,
        safetyRatings: [{ category: 'HARM_CATEGORY_HARASSMENT', probability: 'NEGLIGIBLE', blocked: false, probabilityScore: 0.1 }],
        citationMetadata: {
          citationSources: [
            {
              startIndex: 0,
              endIndex: 3,
              uri: 'https://source.example/a b',
              title: 'title prose',
              license: 'license prose',
              publicationDate: { year: 2020 },
            },
          ],
        },
        groundingMetadata: {},
        logprobsResult: null,
      },
      { content: { parts: [{ text: 'second prose' }], role: 'model' }, index: 1 },
    ],
    promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'blocked prose', safetyRatings: [] },
    usageMetadata: {
      promptTokenCount: 10,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 4,
      totalTokenCount: 34,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 10 }],
      trafficType: 'ON_DEMAND',
    },
  }
}

/** A part of a streamed answer. */
export function generated(parts: readonly object[], more: object = {}, index?: number): object {
  return { candidates: [{ content: { role: 'model', parts }, ...(index !== undefined && { index }), ...more }], ...envelope }
}
