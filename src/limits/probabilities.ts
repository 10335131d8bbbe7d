/**
 * Whether a request asks for the probabilities of tokens, by the names that vendors give them: `logprobs` (a switch, or a
 * number in the older interface), `top_logprobs`, and Gemini's `responseLogprobs` and `logprobs` in `generationConfig`.
 */
export function asksForProbabilities(input: unknown): boolean {
  if (!isRecord(input)) return false
  const { generationConfig } = input
  return asks(input) || (isRecord(generationConfig) && asks(generationConfig))
}

function asks({ logprobs, top_logprobs: top, responseLogprobs }: Readonly<Record<string, unknown>>): boolean {
  return [logprobs, top, responseLogprobs].some((value) => value === true || (typeof value === 'number' && value > 0))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
