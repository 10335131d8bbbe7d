/** What is needed of a log record that an exporter is given. */
export interface ExportedRecord {
  readonly body?: unknown
}

/** What is needed of an exporter of log records: those of OpenTelemetry's SDK are such. */
export interface LogExporter<R extends ExportedRecord> {
  /** Exports log records, and says how that went: 0 for well. */
  export(records: R[], done: (result: { code: number; error?: Error }) => void): void
  /** Brings exports that are under way to an end. */
  forceFlush(): Promise<void>
  /** Lets go of everything. */
  shutdown(): Promise<void>
}

/** An exporter that says what has been exported. */
export interface ConfirmedExporter<R extends ExportedRecord = ExportedRecord> extends LogExporter<R> {
  /** Resolves when a log record with that body has been exported; rejects when its export failed, or somebody waits for another one. */
  exported(body: string): Promise<void>
}

/** `ExportResultCode.SUCCESS` of the SDK, which is not imported. */
const success = 0

/**
 * An exporter that says what it has exported. The SDK's own `forceFlush` resolves where an export failed, where records were dropped,
 * and where another flush is under way, so it cannot tell.
 *
 * ```ts
 * const exporter = confirmedExporter(new OTLPLogExporter({ url }))
 * const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] })
 * ```
 */
export function confirmedExporter<R extends ExportedRecord>(exporter: LogExporter<R>): ConfirmedExporter<R> {
  let waiting: { readonly body: string; readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  return {
    export(records, done) {
      exporter.export(records, (result) => {
        const due = waiting
        if (due !== undefined && records.some(({ body }) => body === due.body)) {
          waiting = undefined
          if (result.code === success) due.resolve()
          else due.reject(result.error ?? new Error('The export failed'))
        }
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    exported(body) {
      waiting?.reject(new Error('Another one is waited for'))
      return new Promise((resolve, reject) => {
        waiting = { body, resolve, reject }
      })
    },
  }
}
