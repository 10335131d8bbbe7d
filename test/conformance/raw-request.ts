import { connect } from 'node:net'

/** A chat request with these fields as it stands on the wire, and everything that comes back. */
export function raw(port: number, body: string, fields: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const lines = ['POST /x HTTP/1.1', 'host: x', 'connection: close', 'content-type: application/json', `content-length: ${body.length}`, ...fields]
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`))
    socket
      .on('data', (data: Buffer) => (answer += data.toString()))
      .on('end', () => resolve(answer))
      .on('error', reject)
  })
}
