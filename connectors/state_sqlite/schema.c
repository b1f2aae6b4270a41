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

static const char *const migrations[] = {version_1};

const struct sqlite_schema history_schema = {
    .what = "state",
    .application_id = 0x736c7374, /* "slst" */
    .migrations = migrations,
    .migration_count = ARRAY_LENGTH(migrations),
};
