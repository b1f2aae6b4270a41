/* The bad rows of a SCAN as they are found, in the order of the files: counted, the first ones kept
 * for messages, and, where a dataset of them is wanted, written to a file of the run's folder, so
 * that they take no memory however many there are. */
#ifndef CONNECTORS_DUCKDB_BAD_ROWS_H
#define CONNECTORS_DUCKDB_BAD_ROWS_H

#include "connectors/duckdb/scan_plan.h"

#include <stdio.h>

struct bad_row {
    const struct scan_file *file;
    int64_t line;
    const struct scan_column *column; /* the first that does not fit; NULL: the row as a whole */
    const char *value;                /* of that column, or what is wrong with the row; maybe of
                                         the data behind a ":" */
    const char *raw;                  /* as it stands in the file; NULL: row_json, or nothing */
    size_t raw_length;
    const char *row_json; /* already masked */
    bool refused;         /* its cells cannot be told apart */
};

struct bad_rows {
    const struct scan_plan *plan;
    struct sql_reject first[SQL_REJECTS_SHOWN]; /* texts in the plan's arena */
    size_t first_count;
    int64_t count;
    const char *path; /* of the file; NULL: they are not kept */
    FILE *out;
    size_t longest; /* line of it, in bytes */
    struct buffer line;
};

/* Both with the plan; `deinit` also after a failure. */
int bad_rows_init(struct bad_rows *rows, const struct scan_plan *plan, struct error *err);
void bad_rows_deinit(struct bad_rows *rows);

int bad_rows_add(struct bad_rows *rows, const struct bad_row *row, struct error *err);

/* The dataset of all of them: a view over the file. */
int bad_rows_finish(struct bad_rows *rows, duckdb_connection connection,
    struct sql_dataset *ret_dataset, struct error *err);

/* The error of a scan that skips none: what is wrong with the first. */
int bad_rows_fail(const struct bad_rows *rows, struct error *err);

/* Whether values of that column must not be seen. */
bool bad_rows_masks(const struct sql_scan *scan, const char *column);

/* At most 60 bytes of a value, whole characters, printable. */
const char *bad_rows_shown(const char *value, struct arena *arena);

#endif
