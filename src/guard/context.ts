import type { TraceContext } from './trace-context.ts'

/** A value or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Attributes that policy reads. */
export type Attributes = Readonly<Record<string, Json>>

/** What a caller presents to prove who it is. Header names in lower case; values as they came. */
export interface Credentials {
  /** The `Authorization` field, scheme included (RFC 9110, section 11.6.2). */
  readonly authorization?: string
  /** The `DPoP` field (RFC 9449). */
  readonly dpop?: string
  /** A key from a field of its own, such as `x-api-key`. */
  readonly apiKey?: string
}

/** What the transport saw. Stated by an adapter, never by the caller. */
export interface Channel {
  /** Whether the bytes came over TLS, or over a loopback or otherwise trusted hop. */
  readonly secure: boolean
  readonly method?: string
  readonly url?: string
  readonly tlsVersion?: string
  /** The peer's verified certificate: PEM or DER. */
  readonly peerCertificate?: string | Uint8Array
  readonly remoteAddress?: string
}

/** What is acted upon (AuthZEN). `properties` come from the application, never from the input. */
export interface Resource {
  readonly type: string
  readonly id: string
  readonly properties?: Attributes
}

/** One guarded call, as every control and the guarded function see it. Frozen. */
export interface Call {
  /** UUIDv7 (RFC 9562): unique, and sortable by time. */
  readonly id: string
  /** The call that a tree of calls began with; its own id for a call without a parent. */
  readonly task: string
  /** Wall clock, milliseconds since 1970. */
  readonly startedAt: number
  /** The guard's name. */
  readonly guard: string
  /** What is done; `unresolved` until the input could be read, where it is a function of the input. */
  readonly action: string
  /** What it is done to; of type `unresolved` until the input could be read, where it is a function of the input. */
  readonly resource: Resource
  /** What the application states about this call: `context.*` in policy. */
  readonly attributes: Attributes
  /** Aborted when the caller gives up, the deadline passes, the reader leaves or a check fails. */
  readonly signal: AbortSignal
  /** The call that this one is made for. */
  readonly parent?: Call & Partial<Known>
  /** Present until an identity is verified, and never after. */
  readonly credentials?: Credentials
  readonly channel?: Channel
  /** The distributed trace that it belongs to, by the word of whoever sent it. A child has its parent's unless it was given one. */
  readonly trace?: TraceContext
}

/** A verified caller. Everything in it was proven; nothing in it was stated by the input. */
export interface Identity {
  /** Issuer and subject together, length-prefixed: the one name to key anything on. */
  readonly key: string
  readonly subject: string
  readonly issuer: string
  readonly kind: 'user' | 'service' | 'agent' | 'device'
  readonly tenant?: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Attributes
  /** Who acts for the subject, nearest first (RFC 8693, section 4.1). */
  readonly actors: readonly Actor[]
  readonly assurance: Assurance
  readonly binding?: 'dpop' | 'mtls'
  /** Milliseconds since 1970; `Infinity` only where nothing that expires was presented. */
  readonly expiresAt: number
  readonly tokenId?: string
  /** What the caller proved to be using: the key of its proof, or its certificate, and what is known of it. */
  readonly device?: Device
}

/** A device is the key that it proved to have. */
export interface Device {
  /** The thumbprint of its key (RFC 7638), or of its certificate (RFC 8705, section 3.1). */
  readonly id: string
  /** Whether its posture is known, was known too long ago, or is not known at all. */
  readonly status: 'known' | 'stale' | 'unknown'
  /** What is known of it, such as `{ compliant: true }`; empty where nothing is. */
  readonly posture: Attributes
}

/** A party in a delegation chain. */
export interface Actor {
  readonly subject: string
  readonly issuer?: string
}

/** How strongly the caller was authenticated (RFC 8176, RFC 9470). */
export interface Assurance {
  readonly acr?: string
  readonly amr: readonly string[]
  /** Milliseconds since 1970. */
  readonly authenticatedAt?: number
}

/** What policy answered. */
export interface Decision {
  readonly allowed: boolean
  readonly policy: {
    readonly id: string
    readonly version: string
    /**
     * What the policy is, whatever it calls itself: as `policyDigest` gives it. Worked out when it is first read, so it does not
     * show where members are listed. Absent where it is not known.
     */
    readonly digest?: string | undefined
  }
  /** The rules that decided. For the log; a caller never sees them. */
  readonly reasons: readonly { readonly rule: string; readonly effect: 'permit' | 'forbid' }[]
  readonly obligations: readonly Obligation[]
  /** Who approved this very call, where the permit wanted an approval. */
  readonly approval?: { readonly issuer: string; readonly subject: string; readonly id: string }
}

/** A duty that comes with a decision; carried out by the control that claims its `type`, or the call is refused. */
export interface Obligation {
  readonly type: string
  readonly [parameter: string]: Json
}

/** What is left of the limits of this call. */
export interface Quota {
  readonly limits: readonly {
    readonly name: string
    readonly limit: number
    readonly remaining: number
    /** Seconds until the full quota is back. */
    readonly reset: number
    /** What is counted; requests unless given. */
    readonly unit?: string
    /** Seconds; absent where the limit has none. */
    readonly window?: number | undefined
  }[]
  /** Of each unit, what is left of the limit of which least is left. */
  readonly remaining?: Readonly<Record<string, number>>
  /** What the call has spent of each limit, once that was settled: when it leaves. Places on loan are not spent. */
  readonly spent?: readonly { readonly name: string; readonly spent: number; readonly unit: string }[] | undefined
  /** Set where the store was not there, and one in memory stood in for it with a part of the limits. */
  readonly degraded?: boolean
  /** Set where calls that are made on behalf of this one are held to its limits. A chain that cannot do that refuses them. */
  readonly carries?: boolean
}

/** What was masked on the way in. */
export interface Masked {
  /** How many findings of each type; never a value. */
  readonly counts: Readonly<Record<string, number>>
}

/** How the payload was sealed when it came. */
export interface Sealed {
  readonly request: boolean
  readonly response: boolean
}

/** The place of this call in the audit log. */
export interface Entry {
  readonly id: string
}

/** What the controls of this package add to a call, by name. */
export interface Known {
  readonly entry: Entry | undefined
  readonly identity: Identity
  readonly sealed: Sealed
  readonly quota: Quota
  readonly decision: Decision
  readonly masked: Masked
}

/** What a chain must have established before it may protect anything. */
export type Trusted = Pick<Known, 'identity' | 'decision' | 'entry'>

/** A call with whatever has been established by now. */
export type Settled = Call & Partial<Known>
