/**
 * Fastify: routes behind a guard.
 *
 * @module sallyport/fastify
 */

export { type FastifyOptions, fastifyGuard, type FastifyRoute } from './fastify-guard.ts'
