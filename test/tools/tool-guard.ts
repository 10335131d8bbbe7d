import {
  type AuditRecord,
  type AuthorizeOptions,
  audit,
  authorize,
  type Call,
  detectors,
  guard,
  jwt,
  maskData,
  policySet,
  type Trusted,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, testIssuer } from '../../src/testing/index.ts'

/** The issuer whose tokens these guards take. */
export const issuer = testIssuer()

/** Analysts may use three tools; anybody may begin a task. */
export const rules: readonly object[] = [
  { id: 'tasks', effect: 'permit', action: ['invoke_agent'] },
  {
    id: 'tools',
    effect: 'permit',
    subject: { roles: ['analyst'] },
    action: ['execute_tool'],
    resource: { type: 'tool', id: ['weather', 'search', 'pay'] },
  },
]

/** A guard with real controls, its log, and tasks to call tools from. */
export function toolGuard(own: readonly object[] = rules, options: Partial<AuthorizeOptions> = {}) {
  const log = recordingLog()
  const base = guard({ name: 'tools', onError: () => {} })
    .use(audit({ log, content: 'digest', onError: () => {} }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules: own }), ...options }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  return {
    log,
    base,
    /** How calls ended that were no tasks, oldest first. */
    endings(): readonly string[] {
      return log.entries.flatMap((record: AuditRecord) =>
        record.kind === 'outcome' && record.action !== 'invoke_agent'
          ? [`${record.action} ${record.resource.id} ${record.code ?? record.ending}`]
          : [],
      )
    },
    /** Runs something on behalf of somebody. */
    async as<T>(subject: string, roles: readonly string[], run: (call: Call & Trusted) => T): Promise<Awaited<T>> {
      let result: { readonly value: Awaited<T> } | undefined
      const task = base.protect(
        async (_input: string, call) => {
          result = { value: await run(call) }
          return 'done'
        },
        { action: 'invoke_agent', resource: { type: 'agent', id: 'a' } },
      )
      await task('go', { credentials: await issuer.bearer({ sub: subject, roles }) })
      if (result === undefined) throw new Error('the task did not run')
      return result.value
    },
  }
}
