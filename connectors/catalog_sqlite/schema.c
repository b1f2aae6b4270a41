#include "connectors/catalog_sqlite/database.h"

#include "runner/base/mem.h"

/* Ids within the file are integers; what leaves the file are names, versions, positions and UUIDs.
 * The triggers say what no statement may do, whoever writes it. */
static const char version_1[] =
    "CREATE TABLE namespaces ("
    "  namespace_id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE CHECK (name <> ''),"
    "  properties TEXT NOT NULL DEFAULT '{}',"
    "  created_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE tables ("
    "  table_id INTEGER PRIMARY KEY,"
    "  namespace_id INTEGER NOT NULL REFERENCES namespaces,"
    "  name TEXT NOT NULL CHECK (name <> ''),"
    "  description TEXT,"
    "  properties TEXT NOT NULL DEFAULT '{}',"
    "  created_ms INTEGER NOT NULL,"
    "  UNIQUE (namespace_id, name)"
    ") STRICT;"

    "CREATE TABLE table_versions ("
    "  version_id INTEGER PRIMARY KEY,"
    "  table_id INTEGER NOT NULL REFERENCES tables,"
    "  version INTEGER NOT NULL CHECK (version >= 1),"
    "  lifecycle TEXT NOT NULL CHECK"
    "    (lifecycle IN ('unreleased', 'beta', 'active', 'deprecated', 'deleted')),"
    "  partition_by TEXT NOT NULL," /* JSON array of texts; so is sort_by */
    "  sort_by TEXT NOT NULL,"
    "  description TEXT,"
    "  properties TEXT NOT NULL DEFAULT '{}',"
    "  created_ms INTEGER NOT NULL,"
    "  UNIQUE (table_id, version)"
    ") STRICT;"
    "CREATE TRIGGER table_versions_deleted BEFORE UPDATE OF lifecycle ON table_versions"
    "  WHEN old.lifecycle = 'deleted' AND new.lifecycle <> 'deleted'"
    "  BEGIN SELECT raise(ABORT, 'a deleted table version stays deleted'); END;"

    "CREATE TABLE columns ("
    "  version_id INTEGER NOT NULL REFERENCES table_versions,"
    "  field_id INTEGER NOT NULL CHECK (field_id >= 1),"
    "  name TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  PRIMARY KEY (version_id, field_id),"
    "  UNIQUE (version_id, name)"
    ") STRICT, WITHOUT ROWID;"

    /* The sums are over its committed partitions. */
    "CREATE TABLE streams ("
    "  stream_id INTEGER PRIMARY KEY,"
    "  uuid TEXT NOT NULL UNIQUE,"
    "  version_id INTEGER NOT NULL REFERENCES table_versions,"
    "  state TEXT NOT NULL CHECK (state IN ('staged', 'committed', 'deprecated')),"
    "  previous_uuid TEXT,"
    "  position INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0)," /* the last one taken */
    "  rows INTEGER NOT NULL DEFAULT 0 CHECK (rows >= 0),"
    "  files INTEGER NOT NULL DEFAULT 0 CHECK (files >= 0),"
    "  bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),"
    "  partitions INTEGER NOT NULL DEFAULT 0 CHECK (partitions >= 0),"
    "  committed_ms INTEGER NOT NULL DEFAULT 0," /* of the last commit */
    "  created_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX streams_committed ON streams (version_id) WHERE state = 'committed';"
    "CREATE INDEX streams_version ON streams (version_id);"
    "CREATE TRIGGER streams_state BEFORE UPDATE OF state ON streams"
    "  WHEN NOT (old.state = new.state OR (old.state = 'staged' AND new.state <> 'staged')"
    "    OR (old.state = 'committed' AND new.state = 'deprecated'))"
    "  BEGIN SELECT raise(ABORT, 'a stream goes from staged to committed to deprecated'); END;"
    "CREATE TRIGGER streams_position BEFORE UPDATE OF position ON streams"
    "  WHEN new.position < old.position"
    "  BEGIN SELECT raise(ABORT, 'a stream position only grows'); END;"

    /* partition_values is a JSON array with a text or null for each partition field: null and \"\"
     * differ. The sums are over its committed deltas. */
    "CREATE TABLE partitions ("
    "  partition_id INTEGER PRIMARY KEY,"
    "  uuid TEXT NOT NULL UNIQUE,"
    "  stream_id INTEGER NOT NULL REFERENCES streams,"
    "  partition_values TEXT NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN ('staged', 'committed', 'deprecated')),"
    "  previous_id INTEGER," /* what it was staged to replace; it may be gone by now */
    "  previous_position INTEGER,"
    "  position INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0)," /* of its newest delta */
    "  rows INTEGER NOT NULL DEFAULT 0 CHECK (rows >= 0),"
    "  files INTEGER NOT NULL DEFAULT 0 CHECK (files >= 0),"
    "  bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),"
    "  run_id TEXT,"
    "  created_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER CHECK ((ended_ms IS NOT NULL) = (state = 'deprecated'))"
    ") STRICT;"
    "CREATE UNIQUE INDEX partitions_committed ON partitions (stream_id, partition_values)"
    "  WHERE state = 'committed';"
    "CREATE INDEX partitions_other ON partitions (stream_id, state) WHERE state <> 'committed';"
    "CREATE TRIGGER partitions_state BEFORE UPDATE OF state ON partitions"
    "  WHEN NOT (old.state = new.state OR (old.state = 'staged' AND new.state <> 'staged')"
    "    OR (old.state = 'committed' AND new.state = 'deprecated'))"
    "  BEGIN SELECT raise(ABORT, 'a partition goes from staged to committed to deprecated'); END;"

    "CREATE TABLE deltas ("
    "  delta_id INTEGER PRIMARY KEY,"
    "  partition_id INTEGER NOT NULL REFERENCES partitions,"
    "  stream_id INTEGER NOT NULL REFERENCES streams," /* its partition's, for the order of all */
    "  position INTEGER CHECK (position >= 1),"
    "  previous_position INTEGER CHECK (previous_position < position),"
    "  type TEXT NOT NULL CHECK (type IN ('add', 'append', 'upsert', 'delete')),"
    "  state TEXT NOT NULL CHECK (state IN ('staged', 'committed', 'deprecated')),"
    "  rows INTEGER NOT NULL CHECK (rows >= 0),"
    "  files INTEGER NOT NULL CHECK (files >= 0),"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  run_id TEXT,"
    "  created_ms INTEGER NOT NULL,"
    "  CHECK ((state = 'staged') = (position IS NULL))"
    ") STRICT;"
    "CREATE UNIQUE INDEX deltas_partition ON deltas (partition_id, position);"
    "CREATE INDEX deltas_stream ON deltas (stream_id, position);"
    "CREATE TRIGGER deltas_state BEFORE UPDATE OF state ON deltas"
    "  WHEN NOT (old.state = new.state OR (old.state = 'staged' AND new.state <> 'staged')"
    "    OR (old.state = 'committed' AND new.state = 'deprecated'))"
    "  BEGIN SELECT raise(ABORT, 'a delta goes from staged to committed to deprecated'); END;"
    "CREATE TRIGGER deltas_position BEFORE UPDATE OF position ON deltas"
    "  WHEN old.position IS NOT NULL AND new.position IS NOT old.position"
    "  BEGIN SELECT raise(ABORT, 'the position of a committed delta stays'); END;"

    /* The entries of a delta's manifest. A path is a key in the environment's store, from its root
     * (the first catalogs have absolute ones, which are keys as well). */
    "CREATE TABLE files ("
    "  delta_id INTEGER NOT NULL REFERENCES deltas,"
    "  ordinal INTEGER NOT NULL CHECK (ordinal >= 1),"
    "  path TEXT NOT NULL CHECK (path <> ''),"
    "  format TEXT NOT NULL,"
    "  rows INTEGER NOT NULL CHECK (rows >= 0),"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  PRIMARY KEY (delta_id, ordinal)"
    ") STRICT, WITHOUT ROWID;"

    /* commit_id is the order in which runs committed. */
    "CREATE TABLE commits ("
    "  commit_id INTEGER PRIMARY KEY,"
    "  run_id TEXT NOT NULL UNIQUE CHECK (run_id <> ''),"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  fence INTEGER NOT NULL,"
    "  committed_ms INTEGER NOT NULL,"
    "  record TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX commits_pipeline ON commits (pipeline, instance);"
    "CREATE TRIGGER commits_stay BEFORE UPDATE ON commits"
    "  BEGIN SELECT raise(ABORT, 'what a run committed is not changed'); END;"

    "CREATE TABLE fences ("
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  fence INTEGER NOT NULL,"
    "  run_id TEXT," /* who raised it */
    "  PRIMARY KEY (pipeline, instance)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER fences_grow BEFORE UPDATE OF fence ON fences WHEN new.fence < old.fence"
    "  BEGIN SELECT raise(ABORT, 'a fence only grows'); END;"

    "CREATE TABLE cursors ("
    "  cursor_id INTEGER PRIMARY KEY,"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  load TEXT NOT NULL,"
    "  extract TEXT NOT NULL,"
    "  state TEXT," /* null: only objects were seen */
    "  run_id TEXT,"
    "  updated_ms INTEGER NOT NULL,"
    "  UNIQUE (pipeline, instance, load, extract)"
    ") STRICT;"

    "CREATE TABLE seen ("
    "  cursor_id INTEGER NOT NULL REFERENCES cursors,"
    "  key TEXT NOT NULL,"
    "  version TEXT,"
    "  size INTEGER NOT NULL CHECK (size >= 0),"
    "  PRIMARY KEY (cursor_id, key)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE publications ("
    "  publication_id INTEGER PRIMARY KEY,"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  run_id TEXT NOT NULL,"
    "  load TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  target TEXT NOT NULL,"
    "  ended_ms INTEGER,"
    "  UNIQUE (run_id, load, target)"
    ") STRICT;"
    "CREATE INDEX publications_pending ON publications (pipeline, instance)"
    "  WHERE ended_ms IS NULL;";

static const char *const migrations[] = {version_1, database_version_2, database_version_3};

const struct sqlite_schema database_catalog_schema = {
    .what = "catalog",
    .application_id = 0x736c6361, /* "slca" */
    .migrations = migrations,
    .migration_count = ARRAY_LENGTH(migrations),
};
