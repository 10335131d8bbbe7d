/**
 * What an application's own tests import.
 *
 * @module sallyport/testing
 */

export { allowAll, denyAll } from './allow-all.ts'
export { chop } from './chop.ts'
export { type DpopKey, type DpopKeyAlgorithm, dpopKey, type DpopKeyOptions, type ProofOptions } from './dpop-key.ts'
export { type FakeAnswer, type FakeModel, fakeModel } from './fake-model.ts'
export { identityOf } from './identity-of.ts'
export { type MockCall, type MockedControl, type MockGuard, mockGuard, type MockVerdicts } from './mock-guard.ts'
export { type RecordingLog, recordingLog } from './recording-log.ts'
export { type TestClock, testClock } from './test-clock.ts'
export { type MintOptions, type TestAlgorithm, type TestIssuer, type TestIssuerOptions, testIssuer } from './test-issuer.ts'
