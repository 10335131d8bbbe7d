// `npm start` runs the gateway and shows what it does; `npm start -- --serve` keeps serving; `--port N` chooses the port.
import { parseArgs } from 'node:util'
import { exportJWK, generateKeyPair } from 'jose'
import { startGateway } from './gateway.ts'
import { startIssuer } from './issuer.ts'
import { tour } from './tour.ts'

const { values } = parseArgs({
  options: { serve: { type: 'boolean' }, port: { type: 'string', default: '0' }, help: { type: 'boolean', short: 'h' } },
})
if (values.help === true || !/^\d{1,5}$/.test(values.port)) {
  console.log(`npm start -- [--serve] [--port N]

Serves OpenAI chat completions behind all controls. The model is an embedded one, or the endpoint in OPENAI_BASE_URL
with the key in OPENAI_API_KEY. With --serve it goes on until it is interrupted.`)
  process.exit(values.help === true ? 0 : 2)
}

const issuer = await startIssuer()
const { privateKey } = await generateKeyPair('ECDH-ES', { extractable: true })
const gateway = await startGateway(issuer, { ...(await exportJWK(privateKey)), kid: 'gateway-1', alg: 'ECDH-ES', use: 'enc' }, Number(values.port))

const curl = (token: string): string => `curl -s ${gateway.url}/v1/chat/completions -H 'content-type: application/json' \\
  -H 'authorization: Bearer ${token}' \\
  -d '{"model": "small-1", "messages": [{"role": "user", "content": "I am ada@example.org. Whom do I ask?"}]}'`
console.log(`The gateway listens on ${gateway.url}`)
console.log(`\n# A valid token (add "stream": true to see it stream)\n${curl(issuer.tokens.analyst)}`)
console.log(`\n# An unprivileged one: 403\n${curl(issuer.tokens.guest)}`)
console.log(`\n# An expired one: 401\n${curl(issuer.tokens.expired)}`)

const close = async (): Promise<void> => {
  await gateway.close()
  await issuer.close()
}
if (values.serve === true) {
  console.log('\nServing until interrupted.')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
} else {
  try {
    await tour(gateway, issuer)
    console.log('\nEverything was as it should be.')
  } finally {
    await close()
  }
}
