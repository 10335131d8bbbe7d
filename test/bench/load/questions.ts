// What is asked, and how an answer is told to be right.
const content = 'I am ada@example.org. How did the quarter go, and whom do I ask about it?'
const question = (model: string, stream: boolean): string =>
  JSON.stringify({ model, messages: [{ role: 'user', content }], ...(stream && { stream: true }) })

export const bodies = {
  json: question('fast-1', false),
  stream: question('fast-1', true),
  slowJson: question('slow-1', false),
  slowStream: question('slow-1', true),
}

const answer = 'Please write to [EMAIL] or ring [PHONE].'

/** A whole answer, masked where it must be. */
export function isAnswer(body: string, masked: boolean): boolean {
  return masked ? body.includes(answer) : body.includes('grace.hopper@example.com')
}

/** A streamed answer with its end, masked where it must be. */
export function isStream(body: string, masked: boolean): boolean {
  if (!body.endsWith('data: [DONE]\n\n')) return false
  let text = ''
  for (const [, delta] of body.matchAll(/"content":"([^"]*)"/g)) text += delta
  return isAnswer(text, masked)
}
