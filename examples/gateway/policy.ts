import { definePolicy } from 'sallyport'

/** Who may ask which model for what. Anything else is refused. */
export const policy = definePolicy({
  id: 'gateway',
  version: '1',
  roles: { analyst: {}, admin: { inherits: ['analyst'] } },
  rules: [
    {
      id: 'analysts-chat',
      effect: 'permit',
      subject: { roles: ['analyst'] },
      action: ['chat'],
      resource: { type: 'model' },
      obligations: [{ type: 'max_output_tokens', value: 500 }],
    },
    // A refusal without a rule says nothing; this one can be found in the log by its name.
    { id: 'guests-never-chat', effect: 'forbid', subject: { roles: ['guest'] }, action: ['chat'], resource: { type: 'model' } },
  ],
})
