/**
 * Hono: routes behind a guard.
 *
 * @module sallyport/hono
 */

export { type HonoOptions, honoGuard } from './hono-guard.ts'
