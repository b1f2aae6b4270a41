/* The table that quarantined rows are in: its columns, where its files are, what a commit tells the
 * catalog of it. Pure. */
#ifndef RUNNER_ENGINE_QUARANTINE_TABLE_H
#define RUNNER_ENGINE_QUARANTINE_TABLE_H

#include "connectors/catalog.h"
#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

struct pipeline;
struct task;
struct task_file;

/* id, quarantined_at, run_id, source, source_version, line, column_name, reason, check_name, raw,
 * row_json; partitioned by the day of the second, its key is the first. */
extern const struct sql_schema quarantine_schema;

/* Of files of deletes: id, quarantined_at. */
extern const struct sql_schema quarantine_entry_schema;

/* The key of a file of rows: "quarantine/birds_strikes/1/quarantined_at_day=2026-11-21/<file>". */
const char *quarantine_key(const char *table, const struct sql_file *file, struct arena *arena);

/* The columns of what the task's checks are over. */
const struct sql_schema *quarantine_rows_schema(const struct task *task);

/* "source, source_version, line, " of the row `alias`: what `metadata: true` says, else nulls. */
void quarantine_append_origin(struct buffer *sql, const struct task *task, const char *alias);

/* The row `alias` of the task's dataset as a JSON object, columns under `mask:` of any extract
 * hashed, and without those of `metadata: true`, which another reading makes anew. */
void quarantine_append_row_json(struct buffer *sql, const struct task *task, const char *alias);

/* Adds one change to a list that grows. */
typedef struct catalog_change *(*quarantine_add_fn)(void *data, enum catalog_change_verb verb);

/* What makes the table where it is not there, and adds the files, of rows and of deletes, as one
 * delta of each partition; sorts them. */
void quarantine_commit(const char *table, struct task_file *files, size_t count,
    struct arena *arena, quarantine_add_fn add, void *data);

/* Whether a partition ("2026-11-21") ended `keep_ms` ago or earlier; 0: it is kept for ever. */
bool quarantine_is_old(const char *day, int64_t keep_ms, int64_t now_ms);

#endif
