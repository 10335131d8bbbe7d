/**
 * Express: routes behind a guard.
 *
 * @module sallyport/express
 */

export { type AdmittedOperation, type AdmittingHandler, expressAdmit } from './express-admit.ts'
export { type ExpressOptions, expressGuard } from './express-guard.ts'
