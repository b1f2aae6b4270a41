#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"

/* A lease's row stays when it is released: its fence must grow. */
static const char version_1[] =
    "CREATE TABLE runs ("
    "  run_id TEXT PRIMARY KEY CHECK (run_id <> ''),"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  due_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  finished_ms INTEGER NOT NULL,"
    "  outcome TEXT NOT NULL CHECK (outcome IN ('running', 'succeeded', 'nothing_new', 'failed',"
    "    'check_failed', 'cancelled', 'lost')),"
    "  rows INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  error TEXT,"
    "  record TEXT"
    ") STRICT;"
    "CREATE INDEX runs_started ON runs (started_ms, run_id);"
    "CREATE INDEX runs_pipeline ON runs (pipeline, started_ms, run_id);"
    "CREATE INDEX runs_failed ON runs (pipeline, started_ms, run_id)"
    "  WHERE outcome IN ('failed', 'check_failed', 'lost');"
    "CREATE INDEX runs_finished ON runs (pipeline, instance, started_ms, run_id)"
    "  WHERE outcome <> 'running';"
    "CREATE INDEX runs_succeeded ON runs (pipeline, instance, started_ms, run_id)"
    "  WHERE outcome IN ('succeeded', 'nothing_new');"
    "CREATE INDEX runs_running ON runs (pipeline, instance) WHERE outcome = 'running';"

    "CREATE TABLE journal ("
    "  journal_id INTEGER PRIMARY KEY,"
    "  run_id TEXT NOT NULL CHECK (run_id <> ''),"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  what TEXT NOT NULL,"
    "  UNIQUE (run_id, kind, what)"
    ") STRICT;"
    "CREATE INDEX journal_pipeline ON journal (pipeline, instance, run_id);"

    "CREATE TABLE leases ("
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  run_id TEXT NOT NULL,"
    "  fence INTEGER NOT NULL,"
    "  held INTEGER NOT NULL CHECK (held IN (0, 1)),"
    "  host TEXT NOT NULL,"
    "  boot_id TEXT NOT NULL,"
    "  pid_space TEXT NOT NULL,"
    "  process_id INTEGER NOT NULL,"
    "  start_ticks INTEGER NOT NULL,"
    "  acquired_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (pipeline, instance)"
    ") STRICT;"
    "CREATE INDEX leases_run ON leases (run_id) WHERE held = 1;"
    "CREATE TRIGGER leases_grow BEFORE UPDATE OF fence ON leases WHEN new.fence < old.fence"
    "  BEGIN SELECT raise(ABORT, 'the fence of a lease only grows'); END;";

/* Heartbeats of leases (by the wall, and by a clock that all processes under one kernel share),
 * what is complete of a run that died, whom to tell of failures. */
static const char version_2[] =
    "ALTER TABLE leases ADD COLUMN heartbeats INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN heartbeat_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN steady_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN ttl_ms INTEGER NOT NULL DEFAULT 0;" /* 0: it has no heartbeats */
    "UPDATE leases SET heartbeat_ms = acquired_ms;"

    "ALTER TABLE journal ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE journal ADD COLUMN task TEXT;"
    "ALTER TABLE journal ADD COLUMN key TEXT;"
    "ALTER TABLE journal ADD COLUMN version TEXT;"
    "ALTER TABLE journal ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0);"
    "ALTER TABLE journal ADD COLUMN checksum TEXT;"

    "CREATE TABLE hooks ("
    "  hook_id INTEGER PRIMARY KEY,"
    "  run_id TEXT NOT NULL CHECK (run_id <> ''),"
    "  place TEXT NOT NULL CHECK (place <> ''),"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  target TEXT NOT NULL,"
    "  body TEXT," /* null: the run, as the history has it */
    "  created_ms INTEGER NOT NULL,"
    "  due INTEGER NOT NULL DEFAULT 0 CHECK (due IN (0, 1)),"
    "  UNIQUE (run_id, place)"
    ") STRICT;"
    "CREATE INDEX hooks_due ON hooks (pipeline, instance) WHERE due = 1;";

static const char *const migrations[] = {version_1, version_2};

const struct sqlite_schema history_schema = {
    .what = "state",
    .application_id = 0x736c7374, /* "slst" */
    .migrations = migrations,
    .migration_count = ARRAY_LENGTH(migrations),
};
