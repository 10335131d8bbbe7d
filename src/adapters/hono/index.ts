export { type HonoOptions, honoGuard } from './hono-guard.ts'
