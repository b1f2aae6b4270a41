/* A table's parts on the way to a SELECT: what parts.c and parts_files.c share. */
#ifndef CONNECTORS_DUCKDB_PARTS_PRIVATE_H
#define CONNECTORS_DUCKDB_PARTS_PRIVATE_H

#include "connectors/duckdb/parts.h"

#include <stdbool.h>
#include <stdint.h>

/* A part, ready to be selected from. */
struct parts_source {
    const struct sql_part *part;
    const char **columns; /* by column of the schema: the file's, quoted; NULL: it lacks it */
    const char *from;     /* "read_parquet([…]) AS t(…)" */
    const char *order;    /* the expression of a row's order number; NULL: it is not merged */
    const char *group;    /* the expression of its group */
};

struct parts_view {
    const struct sql_dataset *dataset;
    struct arena arena;
    struct parts_source *sources;
    size_t count;
    size_t *key; /* columns of the schema */
    size_t sequence;
    bool has_sequence, has_groups, merges, has_base, has_others;
};

/* Fills view->sources: what is in the parts' files, how they are read. */
int parts_open(duckdb_connection connection, struct parts_view *view, struct error *err);

/* Fill source->group, and source->order, of all sources. */
void parts_find_groups(struct parts_view *view);
void parts_rank(struct parts_view *view);

/* Expressions of a value by file: BIGINT; the `_change_type`. */
const char *parts_numbers(struct parts_view *view, const int64_t *numbers, size_t count);
const char *parts_change(struct parts_view *view, const struct sql_part *part);

#endif
