/* Version 3 of the catalog's tables: what is to be told of a commit. */
#include "connectors/catalog_sqlite/database.h"

const char database_version_3[] =
    "CREATE TABLE hooks ("
    "  hook_id INTEGER PRIMARY KEY,"
    "  pipeline TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  run_id TEXT NOT NULL CHECK (run_id <> ''),"
    "  place TEXT NOT NULL CHECK (place <> ''),"
    "  target TEXT NOT NULL,"
    "  body TEXT," /* null: the run, as the history has it */
    "  created_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER,"
    "  UNIQUE (run_id, place)"
    ") STRICT;"
    "CREATE INDEX hooks_pending ON hooks (pipeline, instance) WHERE ended_ms IS NULL;";
