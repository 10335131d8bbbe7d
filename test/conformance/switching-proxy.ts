import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** An address that leads to one server, and from some moment on to another, as a floating address does. */
export interface SwitchingProxy {
  readonly port: number
  /** Ends all connections; new ones go there. */
  lead(port: number): void
  close(): void
}

/** Opens one. */
export async function switchingProxy(first: number): Promise<SwitchingProxy> {
  let target = first
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const inner = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
    client.pipe(inner).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endAll = (): void => open.forEach((socket) => void socket.destroy())
  return {
    port: (server.address() as AddressInfo).port,
    lead(port) {
      target = port
      endAll()
    },
    close() {
      server.close()
      endAll()
    },
  }
}
