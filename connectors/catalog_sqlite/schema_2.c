/* Version 2 of the catalog's tables: schemas that change, keys, positions at which partitions are
 * read, ids of deltas, what is known of a file, tags. */
#include "connectors/catalog_sqlite/database.h"

/* A time for each position, which never goes back, so that the order by time is the order by
 * position. What version 1 knows is when the deltas of a position were made. */
#define POSITIONS                                                                                  \
    "CREATE TABLE positions ("                                                                     \
    "  stream_id INTEGER NOT NULL REFERENCES streams,"                                             \
    "  committed_ms INTEGER NOT NULL,"                                                             \
    "  position INTEGER NOT NULL CHECK (position >= 1),"                                           \
    "  PRIMARY KEY (stream_id, committed_ms, position)"                                            \
    ") STRICT, WITHOUT ROWID;"                                                                     \
    "INSERT INTO positions (stream_id, committed_ms, position)"                                    \
    "  SELECT stream_id, max(max(created_ms)) OVER (PARTITION BY stream_id ORDER BY position),"    \
    "    position FROM deltas WHERE position IS NOT NULL GROUP BY stream_id, position;"

/* In version 1 a partition ended without taking a position. It ended at the first one of its
 * stream that came afterwards; where none did, the stream takes one now. */
#define PARTITION_SPANS                                                                            \
    "UPDATE partitions SET since = max(1, coalesce((SELECT min(position) FROM deltas d"            \
    "    WHERE d.partition_id = partitions.partition_id), previous_position, 1))"                  \
    "  WHERE state <> 'staged';"                                                                   \
    "UPDATE partitions SET until = coalesce((SELECT min(d.position) FROM deltas d"                 \
    "    WHERE d.stream_id = partitions.stream_id AND d.position > partitions.position"            \
    "      AND d.created_ms >= partitions.ended_ms), 0)"                                           \
    "  WHERE state = 'deprecated';"                                                                \
    "UPDATE streams SET position = position + 1 WHERE EXISTS (SELECT 1 FROM partitions p"          \
    "    WHERE p.stream_id = streams.stream_id AND p.state = 'deprecated' AND p.until = 0);"       \
    "INSERT INTO positions (stream_id, committed_ms, position)"                                    \
    "  SELECT s.stream_id, max((SELECT max(ended_ms) FROM partitions p"                            \
    "      WHERE p.stream_id = s.stream_id AND p.until = 0), coalesce((SELECT max(committed_ms)"   \
    "      FROM positions q WHERE q.stream_id = s.stream_id), 0)), s.position"                     \
    "  FROM streams s WHERE EXISTS (SELECT 1 FROM partitions p"                                    \
    "    WHERE p.stream_id = s.stream_id AND p.state = 'deprecated' AND p.until = 0);"             \
    "UPDATE partitions SET until = (SELECT position FROM streams s"                                \
    "    WHERE s.stream_id = partitions.stream_id)"                                                \
    "  WHERE state = 'deprecated' AND until = 0;"

const char database_version_2[] =
    /* A table version has schemas; its columns are those of one of them. */
    "ALTER TABLE table_versions ADD COLUMN schema_id INTEGER NOT NULL DEFAULT 1"
    "  CHECK (schema_id >= 1);"
    "ALTER TABLE table_versions ADD COLUMN key_columns TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE table_versions ADD COLUMN sequence_by TEXT;"
    "ALTER TABLE table_versions ADD COLUMN tombstones_ms INTEGER NOT NULL DEFAULT 0"
    "  CHECK (tombstones_ms >= 0);"
    "ALTER TABLE table_versions ADD COLUMN buckets INTEGER NOT NULL DEFAULT 0"
    "  CHECK (buckets >= 0);"
    "CREATE TABLE schemas ("
    "  version_id INTEGER NOT NULL REFERENCES table_versions,"
    "  schema_id INTEGER NOT NULL CHECK (schema_id >= 1),"
    "  created_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (version_id, schema_id)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO schemas SELECT version_id, 1, created_ms FROM table_versions;"
    "ALTER TABLE columns RENAME TO columns_1;"
    "CREATE TABLE columns ("
    "  version_id INTEGER NOT NULL,"
    "  schema_id INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL CHECK (ordinal >= 1),"
    "  field_id INTEGER NOT NULL CHECK (field_id >= 1),"
    "  name TEXT NOT NULL CHECK (name <> ''),"
    "  type TEXT NOT NULL,"
    "  required INTEGER NOT NULL DEFAULT 0 CHECK (required IN (0, 1)),"
    "  comment TEXT,"
    "  PRIMARY KEY (version_id, schema_id, ordinal),"
    "  UNIQUE (version_id, schema_id, field_id),"
    "  FOREIGN KEY (version_id, schema_id) REFERENCES schemas"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO columns (version_id, schema_id, ordinal, field_id, name, type)"
    "  SELECT version_id, 1, field_id, field_id, name, type FROM columns_1;"
    "DROP TABLE columns_1;"

    "ALTER TABLE streams ADD COLUMN first_position INTEGER NOT NULL DEFAULT 1"
    "  CHECK (first_position >= 1);"

    /* It is read at positions since ≤ at < until; 0: not yet. */
    "ALTER TABLE partitions ADD COLUMN since INTEGER NOT NULL DEFAULT 0 CHECK (since >= 0);"
    "ALTER TABLE partitions ADD COLUMN until INTEGER NOT NULL DEFAULT 0 CHECK (until >= 0);"
    "ALTER TABLE partitions ADD COLUMN properties TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE partitions ADD COLUMN compaction TEXT;"
    "DROP INDEX partitions_other;"
    "CREATE INDEX partitions_values ON partitions (stream_id, partition_values);"
    "CREATE INDEX partitions_ended ON partitions (stream_id, until) WHERE state = "
    "'deprecated';" POSITIONS PARTITION_SPANS
    "CREATE TRIGGER partitions_since BEFORE UPDATE OF since ON partitions"
    "  WHEN old.since <> 0 AND new.since <> old.since"
    "  BEGIN SELECT raise(ABORT, 'a partition stays read from where it began'); END;"
    "CREATE TRIGGER partitions_until BEFORE UPDATE OF until ON partitions"
    "  WHEN (old.until <> 0 AND new.until <> old.until) OR (new.until <> 0 AND"
    "    new.until < old.since)"
    "  BEGIN SELECT raise(ABORT, 'a partition that ended stays so'); END;"

    /* The ids of before are made up: nobody has seen them. */
    "ALTER TABLE deltas ADD COLUMN uuid TEXT CHECK (uuid <> '');"
    "ALTER TABLE deltas ADD COLUMN author TEXT;"
    "ALTER TABLE deltas ADD COLUMN properties TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE deltas ADD COLUMN rewrite INTEGER NOT NULL DEFAULT 0 CHECK (rewrite IN (0, 1));"
    "UPDATE deltas SET uuid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||"
    "  substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' ||"
    "  hex(randomblob(6)));"
    "CREATE UNIQUE INDEX deltas_uuid ON deltas (uuid);"

    "ALTER TABLE files ADD COLUMN content TEXT NOT NULL DEFAULT 'data'"
    "  CHECK (content IN ('data', 'deletes'));"
    "ALTER TABLE files ADD COLUMN schema_id INTEGER NOT NULL DEFAULT 0 CHECK (schema_id >= 0);"
    "ALTER TABLE files ADD COLUMN checksum TEXT;"
    "ALTER TABLE files ADD COLUMN stats TEXT;"
    "ALTER TABLE files ADD COLUMN bucket INTEGER NOT NULL DEFAULT 0 CHECK (bucket >= 0);"

    "CREATE TABLE tags ("
    "  version_id INTEGER NOT NULL REFERENCES table_versions,"
    "  name TEXT NOT NULL CHECK (name <> ''),"
    "  position INTEGER NOT NULL CHECK (position >= 1),"
    "  created_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (version_id, name)"
    ") STRICT, WITHOUT ROWID;";
