/**
 * Names and places, by a model of yours.
 *
 * @module sallyport/transformers
 */

export { entityDetector, type EntityDetectorOptions, type TokenClassifier } from './entity-detector.ts'
