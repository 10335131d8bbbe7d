// An embedded token issuer, so that the example needs no account anywhere. In production this is your OpenID provider.
import { serve } from '@hono/node-server'
import { testIssuer } from 'sallyport/testing'
import { listen } from './model.ts'

/** An issuer whose keys are served over HTTP, as a real one's are. */
export async function startIssuer() {
  const issuer = await testIssuer()
  const fetch = (request: Request): Response =>
    new URL(request.url).pathname === '/.well-known/jwks.json' ? Response.json(issuer.jwks) : new Response(null, { status: 404 })
  const { url, close } = await listen((options, ready) => serve({ fetch, ...options }, ready))
  const hour = 3_600
  return {
    issuer: issuer.issuer,
    audience: issuer.audience,
    jwksUrl: new URL('/.well-known/jwks.json', url),
    close,
    tokens: {
      analyst: await issuer.mint({ sub: 'ada', roles: ['analyst'] }, { expiresIn: hour }),
      busy: await issuer.mint({ sub: 'busy-bot', roles: ['analyst'] }, { expiresIn: hour }),
      guest: await issuer.mint({ sub: 'gus', roles: ['guest'] }, { expiresIn: hour }),
      expired: await issuer.mint({ sub: 'ada', roles: ['analyst'] }, { expiresIn: -hour }),
    },
  }
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>
