// What one guarded call costs in CPU time, beside its peers, interleaved in one process. Build first: it measures `dist`.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentMeshClient } from '@microsoft/agent-governance-sdk'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { fileLog, fileSigner } from '../../../dist/file.js'
import { testIssuer } from '../../../dist/testing/index.js'
import { answer, chat, controls, question } from './guards.ts'
import { tellPipeline } from './tell.ts'

const rounds = Number(process.env.ROUNDS ?? 15)
const calls = Number(process.env.CALLS ?? 2_000)
const together = 64

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
const log = await fileLog(join(folder, 'audit'), { signer: await fileSigner(join(folder, 'key')), origin: 'bench' })
const issuer = await testIssuer()
const token = await issuer.mint({ sub: 'ada', roles: ['staff'] })
const request = { credentials: { authorization: `Bearer ${token}` } }
const keys = createLocalJWKSet(issuer.jwks as never)
const peer = AgentMeshClient.create('bench', { policyRules: [{ action: 'chat', effect: 'allow' }] } as never)

const bare = (_input: unknown): Promise<unknown> => Promise.resolve(answer)
const subjects: Record<string, () => Promise<unknown>> = {
  'bare function': () => bare(question),
  'jose jwtVerify alone': () => jwtVerify(token, keys, { issuer: issuer.issuer, audience: issuer.audience }),
  'agent-governance-sdk executeWithGovernance': () => peer.executeWithGovernance('chat', question as never),
}
const add = (name: string, guarded: ReturnType<typeof chat>): void => void (subjects[name] = () => guarded(question, request))
add('sallyport, all controls', chat(log, issuer, controls))
for (const control of controls)
  add(
    `sallyport without ${control}`,
    chat(
      log,
      issuer,
      controls.filter((other) => other !== control),
    ),
  )
for (const control of controls) add(`sallyport, ${control} alone`, chat(log, issuer, [control]))
add('sallyport, engine alone', chat(log, issuer, []))

// In groups, as a server has them: that is what group commit is for. CPU of all threads, in microseconds a call.
async function measure(subject: () => Promise<unknown>, count: number): Promise<number> {
  const before = process.cpuUsage()
  for (let done = 0; done < count; done += together) await Promise.all(Array.from({ length: together }, subject))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

for (const subject of Object.values(subjects)) await measure(subject, calls)
const figures = new Map<string, number[]>(Object.keys(subjects).map((name) => [name, []]))
for (let round = 0; round < rounds; round++)
  for (const [name, subject] of Object.entries(subjects)) figures.get(name)?.push(await measure(subject, name.startsWith('jose') ? calls / 4 : calls))
await log.close()
rmSync(folder, { recursive: true })
tellPipeline(figures)

const quantile = (list: readonly number[], part: number): number =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN
const median = (name: string): number => quantile(figures.get(name) ?? [], 0.5)
const base = median('bare function')
const whole = median('sallyport, all controls')
const us = (value: number): string => value.toFixed(1).padStart(8)

console.log(`\npipeline: CPU microseconds a call; 1 kB prompt, cached token, two records on disk; ${together} calls at a time`)
console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}, ${rounds} rounds of ${calls} calls, interleaved\n`)
console.log('                                              median      min      max   of the whole guard')
for (const [name, list] of figures)
  console.log(
    `${name.padEnd(44)}${us(median(name))} ${us(quantile(list, 0))} ${us(quantile(list, 1))}   ${(median(name) / whole).toFixed(2).padStart(6)}`,
  )
console.log(`\nabove the bare function: ${(whole - base).toFixed(1)} µs`)
console.log('share of each control: the whole guard less the guard without it, and the guard with it alone less the engine alone')
const engine = median('sallyport, engine alone')
for (const control of controls)
  console.log(`  ${control.padEnd(16)}${us(whole - median(`sallyport without ${control}`))} ${us(median(`sallyport, ${control} alone`) - engine)} µs`)
console.log(`  ${'the engine'.padEnd(16)}${us(engine - base)} ${us(engine - base)} µs`)
