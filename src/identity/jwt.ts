import { type JwtOptions, jwtProfile } from './jwt-options.ts'
import { TokenVerifier } from './token-verifier.ts'
import type { Verifier } from './verifier.ts'

/**
 * Verifies JWT access tokens of one issuer (RFC 9068, RFC 8725), presented as `Authorization: Bearer`, or `DPoP` where
 * they are bound to a key.
 *
 * What is cheap to see is refused first: size, form, issuer, algorithm and type are judged before any key is looked up,
 * so nothing that a stranger makes up costs a signature or a fetch. The key is chosen by `kid` and algorithm and never
 * tried; `jku`, `x5u`, `jwk` and `x5c` are not followed, `crit` is refused.
 *
 * A token with `cnf` is not its bearer's alone (RFC 7800). With `jkt` it must come as `Authorization: DPoP` with a proof (RFC
 * 9449), made for this request and used once; with `x5t#S256` over a connection that was made with that certificate (RFC 8705).
 * A confirmation that is not met or not understood refuses, by whatever scheme the token came.
 *
 * The identity: `subject` is `sub`, `roles` come from `roles` and `groups`, `scopes` from `scope` and `scp`, `tenant` from
 * `tenant` or `tid`, `actors` from `act` (at most 8), `assurance` from `acr`, `amr` and `auth_time`, `tokenId` is `jti`,
 * and `kind` is `service` where `sub` equals `client_id`, else `user`. A claim of these that is there and of a wrong type
 * refuses the token.
 *
 * A verified token is remembered by its SHA-256 (by its text where the runtime cannot hash at once), until it expires and
 * as long as the very key that verified it is still the issuer's. Its identity is deeply frozen and shared.
 *
 * ```ts
 * const verifier = jwt({ issuer: 'https://id.example', audience: 'https://api.example', keys: new URL('https://id.example/jwks') })
 * const identity = await verifier.verify({ authorization: `Bearer ${token}` })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid`, `replayed`, and
 * `keys_unavailable` where the keys cannot be had.
 *
 * @throws TypeError for wrong options.
 */
export function jwt(options: JwtOptions): Verifier {
  return new TokenVerifier(jwtProfile(options), options.clock)
}
