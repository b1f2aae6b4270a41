/* The statements with which a load turns its dataset into the rows and the deletes of one delta.
 * Pure: names are quoted, values come as parameters, conditions of the pipeline stand in brackets
 * of their own.
 *
 * Datasets, in their order: COPY (the rows, typed) → DELTA (each key once, with LOAD_DELETE) →
 * with a look-up JOINED (beside what is STORED) → ROWS and DELETES, which are written. */
#ifndef RUNNER_ENGINE_LOAD_SQL_H
#define RUNNER_ENGINE_LOAD_SQL_H

#include "connectors/sql_engine.h"
#include "runner/base/arena.h"
#include "runner/base/text.h"

struct buffer;

/* Columns that the statements add; they are never written. */
#define LOAD_ROW "_sluice_row"       /* BIGINT: the row's number in the dataset, from 1 */
#define LOAD_DELETE "_sluice_delete" /* BOOLEAN: the row deletes */
#define LOAD_STORED "_sluice_stored" /* BOOLEAN: a row of its key is stored */
#define LOAD_MOVES "_sluice_moves"   /* BOOLEAN: … in another partition, as far as columns tell */
#define LOAD_ENDS "_sluice_ends"     /* BOOLEAN, scd2: the key's last row ends by this load */
#define LOAD_AS_OF "sluice_as_of"    /* a parameter, TIMESTAMP WITH TIME ZONE */

enum load_dataset { LOAD_COPY, LOAD_DELTA, LOAD_OLD, LOAD_JOINED, LOAD_ROWS, LOAD_KEYS, LOAD_LEFT };

struct load_sql {
    const char *names[LOAD_LEFT + 1]; /* of the datasets, by enum load_dataset */
    const char *alias;                /* what conditions call the dataset */
    const struct sql_schema *copy;    /* columns of COPY */
    const struct sql_schema *stored;  /* columns of the table; NULL: it is not there */
    struct text_list own_key;         /* tells rows of the dataset apart */
    struct text_list key;             /* the table's */
    struct text_list moving;          /* columns whose change moves a row */
    const char *sequence;             /* NULL: order of arrival */
    const char *delete_when;          /* condition over COPY; NULL: no row deletes */
    bool deletes_all;                 /* every row deletes */
    bool joined;                      /* ROWS and DELETES come from JOINED, else from DELTA */

    /* of objects that are replaced */
    const char *gone;               /* dataset of the table's rows of them; NULL: none are */
    const struct sql_schema *table; /* its columns */

    /* of a look-up */
    const char *update_when; /* condition over `new` and `old`; NULL: always */
    bool skip_unchanged;
    bool counts;     /* the rows of OLD, too */
    bool only_moves; /* overwrite_partitions: what is stored matters only where a row moves */

    bool scd2;
    const struct text_list *track; /* none: all columns of COPY but own_key and as_of */
    const char *as_of;             /* column; NULL: the parameter LOAD_AS_OF */
    bool close_absent;
};

/* One row: LOAD_ROW, then the own key (and as_of) of the first row with a null among them. */
const char *load_sql_null_key(const struct load_sql *sql, struct arena *arena);

/* LEFT: what is gone and does not come again, as COPY has it. Of DELTA they are deletes. */
const char *load_sql_left(const struct load_sql *sql, struct arena *arena);

const char *load_sql_delta(const struct load_sql *sql, struct arena *arena);

/* One row: min and max of each column of the own key, in DELTA. */
const char *load_sql_bounds(const struct load_sql *sql, struct arena *arena);

/* DELTA beside OLD: what is older than the stored row, unwanted or unchanged is left out. */
const char *load_sql_joined(const struct load_sql *sql, struct arena *arena);

/* The same of scd2 (load_scd2.c): the rows of the history of DELTA's keys that are new or end. */
const char *load_scd2_joined(const struct load_sql *sql, struct arena *arena);

const char *load_sql_rows(const struct load_sql *sql, struct arena *arena);

/* Key, sequence and the columns of `partition`, those of the stored row where there is one. */
const char *load_sql_deletes(
    const struct load_sql *sql, const struct text_list *partition, struct arena *arena);

/* One row of numbers: rows, entries of deletes, rows that a reader will miss; where OLD is counted
 * and there is one, its rows. */
const char *load_sql_counts(const struct load_sql *sql, struct arena *arena);

/* --- parts, for load_scd2.c --- */

void load_sql_append_name(struct buffer *text, const char *prefix, const char *name);
/* "a.x, a.y"; `prefix` NULL: names alone */
void load_sql_append_names(struct buffer *text, const char *prefix, const struct text_list *names);
/* "a.k = b.k and …" */
void load_sql_append_same(
    struct buffer *text, const char *a, const char *b, const struct text_list *names);
void load_sql_append_old(struct buffer *text, const struct load_sql *sql); /* , old.p as … */
/* Columns of COPY, and behind them those that only the table has, without the times of scd2. */
struct sql_schema load_sql_columns(const struct load_sql *sql, struct arena *arena);
const char *load_sql_take(struct buffer *text, struct arena *arena); /* releases the buffer */

#endif
