// What both runs need: an issuer whose keys are served, the model and the gateway, and a way to end all of it.
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testIssuer, type TestIssuer } from '../../../dist/testing/index.js'
import { type Child, startChild } from './child.ts'
import type { GatewaySettings } from './gateway.ts'

export interface Parts {
  readonly issuer: TestIssuer
  readonly model: Child
  readonly gateways: readonly Child[]
  /** Where the log of the first gateway is, until it ends. */
  readonly folder: string
  close(): Promise<void>
}

export type Told = Pick<GatewaySettings, 'guarded' | 'requests' | 'places'>

/** Starts all of it on loopback. */
export async function startParts(gateways: readonly Told[]): Promise<Parts> {
  const issuer = testIssuer()
  const keys = createServer((_, response) => response.end(JSON.stringify(issuer.jwks))).listen(0, '127.0.0.1')
  await new Promise((resolve) => keys.once('listening', resolve))
  const jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
  const folder = mkdtempSync(join(process.env.SALLYPORT_BENCH_FOLDER ?? tmpdir(), 'sallyport-load-'))
  const model = await startChild('model.ts', {})
  const started: Child[] = []
  for (const [index, told] of gateways.entries()) {
    const own = { issuer: issuer.issuer, audience: issuer.audience, jwksUrl }
    const settings: GatewaySettings = { ...told, folder: join(folder, String(index)), issuer: own }
    started.push(await startChild('gateway.ts', settings, { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'none' }))
  }
  return {
    issuer,
    model,
    gateways: started,
    folder: join(folder, '0'),
    async close() {
      await Promise.all([...started, model].map((child) => child.stop()))
      keys.close()
      keys.closeAllConnections()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
