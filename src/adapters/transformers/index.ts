export { entityDetector, type EntityDetectorOptions, type TokenClassifier } from './entity-detector.ts'
