import { type CallOptions, copyCallOptions } from '../../guard/call-options.ts'
import type { Credentials } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { atOnce } from '../web/server-options.ts'
import type { CallHandles } from './call-handles.ts'

/** Whose authority a request has. Beside a refusal there is none. */
export interface Authority {
  readonly options: CallOptions
  readonly refusal?: GuardError
}

/** The authority of what came with this handle, or else of what the adapter presents for it. */
export function authorityOf(handle: string | null, handles: CallHandles, credentials: (() => Credentials | undefined) | undefined): Authority {
  if (handle !== null) {
    const call = handles.find(handle)
    return call === undefined ? { options: {}, refusal: foreignHandle() } : { options: { onBehalfOf: call } }
  }
  return authorityFrom(credentials)
}

/** The authority of what the adapter presents. */
export function authorityFrom(credentials: (() => Credentials | undefined) | undefined): Authority {
  try {
    const presented = credentials?.()
    return { options: presented === undefined ? {} : copyCallOptions({ credentials: atOnce('options.credentials', presented) }) }
  } catch (error) {
    return { options: {}, refusal: new GuardError('misconfigured', { reason: "the adapter's credentials failed", cause: error }) }
  }
}

/** The refusal of a handle that stands for no call, or no longer. */
export function foreignHandle(): GuardError {
  return new GuardError('identity_invalid', { reason: 'the handle of a call that has ended, or of none' })
}
