export { type FastifyOptions, fastifyGuard, type FastifyRoute } from './fastify-guard.ts'
