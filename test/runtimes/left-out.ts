import { withoutRedis } from '../adapters/redis/redis-server.ts'

/** Tests that cannot run somewhere, and why. What is named here and is no test any more fails the run. */
export interface LeftOut {
  /** A runtime, or `*` for all. */
  readonly on: string
  /** The full name of a test, or its beginning up to a ` > `. */
  readonly tests: string
  readonly reason: string
}

const process = 'starts a process, and a worker starts none'
const sockets = 'listens with a server of Node, and a worker has no sockets to listen on'
const files = 'is about a log in files, and a worker keeps no files'
const watching = "watches what is asked of Node's modules, and here their functions are handed out before anybody can watch them"
const noRedis = withoutRedis === false ? [] : [{ on: '*', tests: 'a23-redis', reason: 'asks a real Redis, and this machine has none' }]

export const leftOut: readonly LeftOut[] = [
  ...noRedis,
  { on: 'bun', tests: 'a29-nothing-by-itself', reason: watching },
  { on: 'deno', tests: 'a29-nothing-by-itself', reason: watching },
  { on: 'workerd', tests: 'a01-tokens > A1: tokens > two header fields on a real connection, of which a server may show one', reason: sockets },
  {
    on: 'workerd',
    tests: 'a12-own-facts > A12: a caller cannot state its own facts > over a real connection, through each server adapter',
    reason: sockets,
  },
  { on: 'workerd', tests: 'a17-time', reason: process },
  {
    on: 'workerd',
    tests: 'a19-endings > A19: a reader that stops, never starts, or goes > a client whose connection goes, in the middle of an answer and before it',
    reason: sockets,
  },
  { on: 'workerd', tests: 'a23-redis', reason: process },
  { on: 'workerd', tests: 'a24-manipulated-logs', reason: files },
  { on: 'workerd', tests: 'a25-full-disks', reason: process },
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
  { on: 'workerd', tests: 'a29-nothing-by-itself', reason: process },
]
