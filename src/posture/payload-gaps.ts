import { controlOf, type Described, list, member } from './gap.ts'

const secrets: readonly string[] = ['API_KEY', 'PRIVATE_KEY', 'JWT']

/** What may be seen that should not be. */
export function findPayloadGaps(described: Described): void {
  const { controls, gaps } = described
  if (!controls.some(({ name }) => name === 'encryptPayload'))
    gaps.push({
      code: 'no_sealing',
      severity: 'low',
      control: null,
      message: 'Beyond the connection payloads are in clear: proxies and whatever ends TLS can read them.',
      remedy: 'Where that matters, add encryptPayload.',
    })
  const sealing = controlOf(described, 'encryptPayload')
  if (sealing !== undefined && member(sealing.options, 'required') === false)
    gaps.push({
      code: 'sealing_optional',
      severity: 'medium',
      control: 'encryptPayload',
      message: 'Whoever sends in clear is answered in clear.',
      remedy: 'Leave out required.',
    })
  if (!controls.some(({ name }) => name === 'killSwitch'))
    gaps.push({
      code: 'no_kill_switch',
      severity: 'low',
      control: null,
      message: 'A model, a tool or a tenant cannot be switched off while the process runs.',
      remedy: 'Add killSwitch.',
    })
  findMaskingGaps(described)
}

function findMaskingGaps(described: Described): void {
  const { gaps } = described
  const masking = controlOf(described, 'maskData')
  const gap = (code: string, message: string, remedy: string): void =>
    void gaps.push({ code, severity: 'medium', control: masking === undefined ? null : 'maskData', message, remedy })
  if (masking === undefined) {
    gap('no_masking', 'Whatever callers and tools write reaches the model, and whatever it writes reaches them.', 'Add maskData.')
    return
  }
  const { detect, direction, opaque, hidden } = masking.options
  if (direction !== 'both')
    gap(
      'masked_one_way',
      direction === 'request' ? 'What the model writes is not looked at.' : 'What the model gets is not looked at.',
      "Say direction: 'both'.",
    )
  if (opaque === 'pass') gap('opaque_content', 'Pictures, sound and files pass unseen.', 'Leave out opaque where the model needs none of them.')
  if (hidden === 'pass') gap('hidden_text', 'Characters that nobody sees and a model reads pass: instructions can hide in them.', 'Leave out hidden.')
  if (!secrets.some((type) => list(detect).includes(type)))
    gap('secrets_not_masked', 'Keys and passwords are not looked for.', 'Add detectors.secrets.')
}
