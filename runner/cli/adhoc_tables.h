/* Which tables of the catalog a statement names, and their rows. */
#ifndef RUNNER_CLI_ADHOC_TABLES_H
#define RUNNER_CLI_ADHOC_TABLES_H

#include "runner/cli/adhoc.h"
#include "runner/engine/table_read.h"

struct adhoc_tables {
    struct cli *cli;
    const char *at;     /* --at; NULL: now */
    const char *folder; /* for files that are not on this machine; NULL: there is none */
    struct table_read *reads;
    size_t read_count;
    size_t condition_at;          /* struct adhoc_source */
    bool has_bare, bare_only;     /* the first one goes by its bare name, too; by it alone */
    struct sql_dataset *datasets; /* for the session */
    size_t dataset_count;
};

struct adhoc_count {
    size_t files, skipped;
    uint64_t bytes; /* of the files that were read */
};

/* Finds the tables that `sql` names, and `table` (NULL: none), which it may call by its bare name.
 * Errors suggest names that are near. */
int adhoc_tables_find(struct adhoc_tables *tables, const struct sql_engine_type *type,
    const char *sql, const char *table, struct error *err);

/* Reads them; runs the loop. */
int adhoc_tables_read(struct adhoc_tables *tables, struct error *err);

/* One delta in place of them (adhoc_delta.c): its rows as they are stored, of deletes the columns
 * that their files have, and with _change_type where there are both. *ret_sql asks for them. Runs
 * the loop. */
int adhoc_delta_read(struct adhoc_tables *tables, const struct adhoc_delta *delta,
    const char **ret_sql, struct error *err);

/* Of what was read. */
void adhoc_tables_count(const struct adhoc_tables *tables, struct adhoc_count *ret_count);

#endif
