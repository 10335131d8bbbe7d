import {
  audit,
  type AuditRecord,
  authorize,
  type AuthorizeOptions,
  detectors,
  guard,
  jwt,
  maskData,
  policySet,
  revocationList,
  verifyIdentity,
} from '../../../src/index.ts'
import { recordingLog, testIssuer } from '../../../src/testing/index.ts'

/** What tokens must name as their audience. */
export const resource = 'https://mcp.example/mcp'
export const issuer = testIssuer({ audience: resource })

/** Analysts may look up and read; nobody may pay, and what nobody named nobody may. */
export const rules: readonly object[] = [
  { id: 'connect', effect: 'permit', action: ['connect', 'list', 'configure'], resource: { type: 'mcp_server', id: ['orders'] } },
  {
    id: 'tools',
    effect: 'permit',
    subject: { roles: ['analyst'] },
    action: ['execute_tool'],
    resource: { type: 'tool', id: ['lookup', 'slow', 'broken', 'shout'] },
  },
  {
    id: 'resources',
    effect: 'permit',
    subject: { roles: ['analyst'] },
    action: ['read'],
    resource: { type: 'mcp_resource', id: ['docs://open', 'docs://{page}', 'docs://blob'] },
  },
  { id: 'prompts', effect: 'permit', subject: { roles: ['analyst'] }, action: ['read'], resource: { type: 'mcp_prompt', id: ['greet'] } },
]

/** A guard with real controls, and its log. */
export function mcpGuard(own: readonly object[] = rules, options: Partial<AuthorizeOptions> = {}) {
  const log = recordingLog()
  const revocation = revocationList()
  const base = guard({ name: 'mcp', onError: () => {} })
    .use(audit({ log, content: 'digest', onError: () => {} }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)], revocation }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules: own }), ...options }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  return {
    base,
    log,
    revocation,
    /** How calls ended, oldest first. */
    endings: (): readonly string[] =>
      log.entries.flatMap((record: AuditRecord) =>
        record.kind === 'outcome' ? [`${record.action} ${record.resource.id} ${record.code ?? record.ending}`] : [],
      ),
  }
}

/** Credentials of an analyst, or of somebody with other roles. */
export function bearer(subject = 'ada', roles: readonly string[] = ['analyst'], claims: object = {}): Promise<{ readonly authorization: string }> {
  return issuer.bearer({ sub: subject, roles, ...claims })
}
