/**
 * What has been done to a schema, one step a version, never changed once it was released. Each is one statement, so that it happens
 * whole or not at all with any client, and one process at a time does it.
 */
const steps: readonly ((schema: string) => string)[] = [
  (schema) => `
    CREATE TABLE ${schema}.audit_entries (
      log text NOT NULL,
      index bigint NOT NULL,
      time timestamptz NOT NULL,
      kind text NOT NULL,
      guard text,
      call text,
      task text,
      subject_key text,
      tenant text,
      action text,
      resource_type text,
      resource_id text,
      allowed boolean,
      code text,
      ending text,
      model text,
      policy_id text,
      policy_version text,
      input_tokens double precision,
      output_tokens double precision,
      elapsed double precision,
      hash text NOT NULL,
      entry text NOT NULL,
      PRIMARY KEY (log, index, time)
    ) PARTITION BY RANGE (time);
    CREATE INDEX audit_entries_time ON ${schema}.audit_entries (time);
    CREATE INDEX audit_entries_subject ON ${schema}.audit_entries (subject_key, time);
    CREATE INDEX audit_entries_task ON ${schema}.audit_entries (task);
    CREATE INDEX audit_entries_call ON ${schema}.audit_entries (call);
    CREATE INDEX audit_entries_code ON ${schema}.audit_entries (code, time) WHERE code IS NOT NULL;
    CREATE INDEX audit_entries_resource ON ${schema}.audit_entries (resource_type, resource_id, time);
    CREATE TABLE ${schema}.audit_missed (
      log text NOT NULL,
      noted timestamptz NOT NULL DEFAULT now(),
      missed bigint NOT NULL
    );`,
  (schema) => `
    CREATE TABLE ${schema}.audit_checkpoints (
      log text NOT NULL,
      size bigint NOT NULL,
      root text NOT NULL,
      note text NOT NULL,
      anchored timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (log, size)
    );
    CREATE FUNCTION ${schema}.audit_checkpoints_stay() RETURNS trigger LANGUAGE plpgsql AS $stay$
      BEGIN RAISE EXCEPTION 'checkpoints are added, and never changed or removed'; END $stay$;
    CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ${schema}.audit_checkpoints
      FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.audit_checkpoints_stay();`,
]

/** The number that processes lock by while they change a schema: "sallyport" in ASCII, as far as it goes. */
const lock = '8313455616497414000'

/** One statement that brings a schema to the newest version, from whatever it is at. */
export function migration(schema: string): string {
  const doing = steps
    .map(
      (step, version) => `IF done <= ${version} THEN ${step(schema)} INSERT INTO ${schema}.audit_version (version) VALUES (${version + 1}); END IF;`,
    )
    .join('\n')
  return `DO $migration$
    DECLARE done integer;
    BEGIN
      PERFORM pg_advisory_xact_lock(${lock});
      CREATE SCHEMA IF NOT EXISTS ${schema};
      CREATE TABLE IF NOT EXISTS ${schema}.audit_version (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now());
      SELECT coalesce(max(version), 0) INTO done FROM ${schema}.audit_version;
      IF done > ${steps.length} THEN RAISE EXCEPTION 'schema ${schema} is at version %, and only ${steps.length} is known here', done; END IF;
      ${doing}
    END $migration$`
}

/** One statement that makes the partition of a month, `2026-11`, where there is none. */
export function partition(schema: string, month: string): string {
  const [from, to] = boundsOf(month)
  const name = `audit_entries_${month.replace('-', '_')}`
  return `DO $partition$
    BEGIN
      PERFORM pg_advisory_xact_lock(${lock});
      CREATE TABLE IF NOT EXISTS ${schema}.${name} PARTITION OF ${schema}.audit_entries FOR VALUES FROM ('${from}') TO ('${to}');
    END $partition$`
}

function boundsOf(month: string): readonly [string, string] {
  const [year = Number.NaN, number = Number.NaN] = month.split('-').map(Number)
  const start = (months: number): string => new Date(Date.UTC(year, months, 1)).toISOString()
  return [start(number - 1), start(number)]
}
