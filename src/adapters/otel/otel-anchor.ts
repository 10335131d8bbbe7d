import type { Logger } from '@opentelemetry/api-logs'
import { headToAnchor } from '../../audit-log/anchored-head.ts'
import type { Anchor } from '../../audit-log/audit-log.ts'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../../guard/check-options.ts'
import { names } from './attribute-names.ts'
import type { ConfirmedExporter } from './confirmed-exporter.ts'

/** Options of `otelAnchor`. */
export interface OtelAnchorOptions {
  /** Gets a log record for each checkpoint. */
  readonly logger: Logger
  /** The exporter behind that logger, made by `confirmedExporter`: until it says so nothing is anchored. */
  readonly exporter: Pick<ConfirmedExporter, 'exported'>
  /** The provider's `forceFlush`, so that nobody waits for the next batch. */
  readonly flush?: () => Promise<unknown>
  /**
   * Keeps the newest checkpoint here as well, since telemetry gives nothing back: `fileAnchor(path)`. It need not be out of reach:
   * whoever verifies looks at what was exported.
   */
  readonly store: Anchor
}

const checks: Readonly<Record<keyof OtelAnchorOptions, Check>> = {
  logger: [hasMethods('emit'), 'a Logger'],
  exporter: [hasMethods('exported'), 'a confirmedExporter'],
  flush: [optional(isFunction), "a function: the provider's forceFlush"],
  store: [hasMethods('publish', 'latest'), 'an Anchor, such as fileAnchor(path)'],
}

/**
 * An anchor in telemetry: each checkpoint of a log is a log record of OpenTelemetry, `sallyport.checkpoint`, with the signed note as
 * its body. So it is where whoever can change the log, even with its key, cannot take it back. `exportedAnchor` from `sallyport` reads
 * what was exported when the log is verified.
 *
 * ```ts
 * const anchor = otelAnchor({ logger: provider.getLogger('sallyport'), exporter, store: fileAnchor('var/anchored') })
 * const log = await fileLog('var/audit', { signer, anchor })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function otelAnchor(options: OtelAnchorOptions): Anchor {
  checkOptions('otelAnchor', options, checks)
  const { logger, exporter, flush, store } = options
  return Object.freeze<Anchor>({
    async publish(note, prove) {
      const { origin, root, size } = headToAnchor(note)
      const exported = exporter.exported(note)
      exported.catch(() => {})
      logger.emit({
        eventName: 'sallyport.checkpoint',
        severityNumber: 9,
        severityText: 'INFO',
        body: note,
        attributes: { [names.origin]: origin, [names.size]: size, [names.root]: root },
      })
      await flush?.()
      await exported
      await store.publish(note, prove)
    },
    latest: () => store.latest(),
  })
}
