/** A decision as the control writes it: what a call of a chat has. */
export function decision(number: number): Record<string, unknown> {
  const id = `019b76da-a800-7c2f-b61d-${String(number).padStart(12, '0')}`
  return {
    action: 'chat',
    allowed: true,
    elapsed: 1,
    fulfilled: ['max_output_tokens'],
    guard: 'support-bot',
    id,
    kind: 'decision',
    limits: [{ limit: 60, name: 'minute', remaining: 59 }],
    masked: { EMAIL: 2, PHONE: 1 },
    model: 'gpt-5',
    obligations: ['max_output_tokens'],
    policy: { id: 'support', version: '7' },
    resource: { id: 'gpt-5', type: 'model' },
    rules: [{ effect: 'permit', rule: 'analysts-chat' }],
    subject: {
      issuer: 'https://id.example',
      key: '18:https://id.example248289761001',
      kind: 'user',
      roles: ['analyst'],
      subject: '248289761001',
      tenant: 'acme',
      token: 'b3f1c1a2',
    },
    task: id,
    time: 1_767_225_600_000 + number,
    version: 1,
  }
}
