// Property tests draw the same cases at every run, so that a run on one machine says something about the next one, and a change
// that fails did it. `SEED=random` explores; a failure prints its seed, and `SEED=<number>` draws it again.
import fc from 'fast-check'

const { SEED = '20261125' } = process.env
if (SEED !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(SEED) })
