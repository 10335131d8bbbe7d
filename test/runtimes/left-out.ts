/** Tests that cannot run somewhere, and why. What is named here and is no test any more fails the run. */
export interface LeftOut {
  /** A runtime, or `*` for all. */
  readonly on: string
  /** The full name of a test, or its beginning up to a ` > `. */
  readonly tests: string
  readonly reason: string
}

const process = 'starts Node on a source file of its own; `npm test` runs it'
const sockets = 'listens with a server of Node, and a worker has no sockets to listen on'
const files = 'is about a log in files, and a worker keeps no files'

export const leftOut: readonly LeftOut[] = [
  { on: '*', tests: 'a17-time', reason: process },
  {
    on: '*',
    tests: 'a25-killed-writers > A25: a writer that is killed > with kill -9 amid real calls: what was answered is in the log',
    reason: process,
  },
  { on: '*', tests: 'a25-full-disks', reason: process },
  { on: '*', tests: 'a29-nothing-by-itself', reason: process },
  { on: 'workerd', tests: 'a01-tokens > A1: tokens > two header fields on a real connection, of which a server may show one', reason: sockets },
  {
    on: 'workerd',
    tests: 'a12-own-facts > A12: a caller cannot state its own facts > over a real connection, through each server adapter',
    reason: sockets,
  },
  {
    on: 'workerd',
    tests: 'a19-endings > A19: a reader that stops, never starts, or goes > a client whose connection goes, in the middle of an answer and before it',
    reason: sockets,
  },
  { on: 'workerd', tests: 'a24-manipulated-logs', reason: files },
  { on: 'workerd', tests: 'a25-killed-writers', reason: files },
  {
    on: 'workerd',
    tests: 'a26-records > A26: what a log says > never a credential and never a payload, in the bytes of its files, whatever happened',
    reason: files,
  },
  {
    on: 'workerd',
    tests: 'a27-growing-logs > A27: a log that grows > takes as much disk for a record when it is large as when it is small, and keeps every one',
    reason: files,
  },
]
