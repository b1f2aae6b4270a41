/* Which files of a table hold the rows that somebody wants, and how they are read together. Pure:
 * what the catalog said goes in, parts of a dataset come out. */
#ifndef RUNNER_ENGINE_TABLE_FILES_H
#define RUNNER_ENGINE_TABLE_FILES_H

#include "connectors/catalog.h"
#include "connectors/sql_engine.h"
#include "runner/engine/prune.h"

/* One file that is read, or left out. */
struct table_file {
    const struct catalog_file *file;
    const struct catalog_delta *delta;
    int64_t position;
    const char *change; /* `_change_type` of its rows; NULL: nobody asked */
    bool merges;        /* it belongs to a partition whose rows have to be merged */
    bool base;          /* struct sql_part; so is group */
    int64_t group;
    bool skipped;     /* no row of it can fulfil the conditions */
    const char *path; /* where the SQL engine opens it */
};

/* What is known of the table; all of it borrowed. */
struct table_facts {
    const struct catalog_version *version;
    const struct catalog_schema *schemas;
    size_t schema_count;
    const struct prune *prune; /* NULL: no conditions */
    bool keep_deletes;         /* struct sql_merge */
    bool origins;              /* each row is to say which of the files it is from */
};

struct table_files {
    struct arena *arena;
    struct table_file *items;
    size_t count;
};

/* Whether two files of a delta may have rows of one key: they are of several writers, as after a
 * merge of deltas, and not of different buckets. */
bool table_files_repeat(const struct catalog_delta *delta);

/* Of deltas that LIST_FILES gave: the rows as they are at that position. A partition is merged
 * unless it is clean: all rows of one delta, which repeats no key. `change`: of all rows, NULL:
 * nobody asked. */
void table_files_add(struct table_files *files, const struct table_facts *facts,
    const struct catalog_delta *deltas, size_t count, const char *change);

/* Of deltas of which each is a change: rows as they came, with `_change_type` by the delta's type
 * and by what is in the file. */
void table_files_add_changes(
    struct table_files *files, const struct table_facts *facts, const struct catalog_delta *delta);

/* Of a delta whose rows were taken away, or put there, at `position`: `change` says which. */
void table_files_add_rows(struct table_files *files, const struct table_facts *facts,
    const struct catalog_delta *delta, const char *change, int64_t position);

/* The dataset of what is not skipped, whose paths are set by now, in `arena`. It is merged where a
 * file says so. */
void table_files_dataset(const struct table_files *files, const struct table_facts *facts,
    bool with_changes, struct arena *arena, struct sql_dataset *ret_dataset);

#endif
