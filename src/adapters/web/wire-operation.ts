import type { Chain } from '../../guard/chain.ts'
import type { Codec, WireCodec } from '../../guard/codec.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import type { Operation, Planned } from '../../guard/operation.ts'

/** An operation of a server adapter: it names the codec, since the bytes of a stranger do not choose how they are read. */
export interface WireOperation<I = unknown> extends Operation<I> {
  /** How the payload is read from bytes and written to them. */
  readonly codec: Codec<I>
}

/** An operation on bytes, whatever its input. */
type AnyWireOperation = Omit<Operation<never>, 'codec'> & { readonly codec?: Codec | undefined }

/** A guard's chain and an operation on bytes. */
export interface WireMediator {
  readonly chain: Chain
  readonly plan: Planned
  readonly codec: Codec
  readonly wire: WireCodec
  /** Whether a control of the chain opens what arrives sealed. */
  readonly opens: boolean
}

/**
 * What every adapter on bytes begins with.
 *
 * @throws TypeError for what is no guard, an incomplete chain, a wrong operation, or a codec without a form on the wire.
 */
export function wireMediator(guard: Guard, operation: AnyWireOperation, source: 'value' | 'wire'): WireMediator {
  // The engine reads inputs with this very codec, so their type is what the operation's functions take.
  const { chain, plan } = mediator(guard, operation as Operation<never>, source)
  const { codec } = plan
  if (operation.codec === undefined || codec === undefined || codec !== operation.codec)
    throw new TypeError('operation.codec: bytes need a codec, such as openaiChat, that is named')
  if (codec.wire === undefined) throw new TypeError(`operation.codec: '${codec.name}' has no form on the wire`)
  return { chain, plan, codec, wire: codec.wire, opens: chain.arriveAt < chain.readAt }
}
