/* Files that may have bad rows: read in one statement as good ones are, every row converted as far
 * as it goes, the bad ones marked in the file that it makes. The dataset is what is not marked.
 * What is marked, and what the SQL engine refused as no record at all, is then gone through in the
 * order of the files, beside the text files themselves, which alone know lines and bytes. */
#ifndef CONNECTORS_DUCKDB_SIFT_H
#define CONNECTORS_DUCKDB_SIFT_H

#include "connectors/duckdb/bad_rows.h"
#include "connectors/duckdb/session.h"

/* Of rows that are in the dataset. */
#define SIFT_GOOD "__sluice_bad IS NULL"

/* Appends the select list of the dataset for a file: every column converted, those that the file
 * lacks null. A cell that does not fit ends the statement. */
void sift_append_values(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql);

/* Appends the SELECT over files [first, end): the dataset's columns, __sluice_bad (null, or what is
 * bad) and __sluice_file, the file's place in the plan. False: all of them are empty. */
bool sift_append_files(const struct scan_plan *plan, size_t first, size_t end, struct buffer *sql);

/* Whether bad rows of the file are looked up in its own text. */
bool sift_has_text(const struct scan_plan *plan, const struct scan_file *file);

struct sift_lines {
    void (*on_line)(struct sift_lines *lines, int64_t line);
};

/* Where each row of the file's text begins, good or bad, but for those that were refused when files
 * [first, end) were sifted, which was the last time; first = end: they were not. */
int sift_list_lines(struct operation *operation, const struct scan_plan *plan, size_t first,
    size_t end, size_t index, struct sift_lines *lines, struct error *err);

/* Reads files [first, end) of the plan into `folder`/`name`, added to the dataset, and adds their
 * bad rows. Where the SCAN skips none, the first bad row is the error. */
int sift_files(struct operation *operation, const struct scan_plan *plan, size_t first, size_t end,
    const char *name, struct sql_dataset *dataset, struct bad_rows *rows, struct error *err);

#endif
