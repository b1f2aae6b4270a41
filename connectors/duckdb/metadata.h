/* The SQL_METADATA columns of a SCAN. Next to nothing of them is stored: the files that it makes
 * keep their rows in the order of the sources and say of each row which source it is from, so that
 * the view over them can tell all four; what no statement selects costs nothing. Only where a
 * source has blank lines, rows over several lines or refused rows are the lines of its rows found
 * in its text and written beside them. */
#ifndef CONNECTORS_DUCKDB_METADATA_H
#define CONNECTORS_DUCKDB_METADATA_H

#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/session.h"

/* A file that the SCAN made, of sources [first, end). */
struct metadata_piece {
    const char *path;
    size_t first, end;
    bool sifted;     /* it has __sluice_bad */
    bool lines;      /* it has __sluice_line, null where it is not known */
    int64_t *shifts; /* by source: what makes its number of a row's place in the file */
};

struct metadata {
    struct metadata_piece *pieces; /* malloc'd */
    size_t count, capacity;
};

void metadata_deinit(struct metadata *metadata);

/* ERROR_DATA: a source has a column of one of the four names. */
int metadata_check(const struct scan_plan *plan, struct error *err);

/* The last file of the dataset has been made of sources [first, end). */
int metadata_add(struct metadata *metadata, struct operation *operation,
    const struct scan_plan *plan, size_t first, size_t end, bool sifted,
    struct sql_dataset *dataset, struct error *err);

/* The columns behind the others of the schema, and the view that has them. */
int metadata_make_view(const struct metadata *metadata, duckdb_connection connection,
    const struct scan_plan *plan, struct sql_dataset *dataset, struct error *err);

/* Appends "SELECT *, …" in front of what a table's view selects, and its end behind it. */
void metadata_append_before(const struct sql_dataset *dataset, struct buffer *sql);
void metadata_append_after(const struct sql_dataset *dataset, struct buffer *sql);

/* --- metadata_lines.c --- */

/* What the lines of a source's rows are ahead of their numbers: its header, and what is skipped. */
int64_t metadata_lines_before(const struct scan_plan *plan);

/* Whether the source has so many lines that each of its `rows` rows has one of its own. */
int metadata_lines_match(const struct scan_plan *plan, const struct scan_file *file, int64_t rows,
    bool *ret_match, struct error *err);

/* Writes the piece's file anew, with __sluice_line; `rows` by source. */
int metadata_lines_add(struct operation *operation, const struct scan_plan *plan,
    const struct metadata_piece *piece, const int64_t *rows, struct error *err);

#endif
